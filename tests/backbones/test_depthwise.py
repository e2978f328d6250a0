"""The fast depthwise convolution computes what nn.Conv2d computes."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from turn_core.backbones.depthwise import DepthwiseConv2d, speed_up_depthwise


@pytest.mark.parametrize("size", [(4, 4), (5, 3), (16, 16), (20, 20)])
def test_depthwise__same_output_and_gradients(size):
    torch.manual_seed(0)
    plain = nn.Conv2d(6, 6, 7, padding=3, groups=6).double().float()
    fast = DepthwiseConv2d.replacing(nn.Conv2d(6, 6, 7, padding=3, groups=6))
    fast.load_state_dict(plain.state_dict())
    results = []
    for conv in (plain, fast):
        x = torch.randn(3, 6, *size, generator=torch.manual_seed(1), requires_grad=True)
        out = conv(x)
        (out * out.detach().cos()).sum().backward()
        results.append((out, x.grad, conv.weight.grad, conv.bias.grad))
    for expected, got in zip(*results, strict=True):
        assert_close(got, expected, atol=1e-3, rtol=1e-4)


def test_depthwise__under_autocast_the_weight_gradient_stays_close():
    torch.manual_seed(0)
    plain = nn.Conv2d(8, 8, 7, padding=3, groups=8)
    fast = DepthwiseConv2d.replacing(nn.Conv2d(8, 8, 7, padding=3, groups=8))
    fast.load_state_dict(plain.state_dict())
    x = torch.randn(16, 8, 8, 8)
    plain(x).square().sum().backward()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = fast(x)
    assert out.dtype == torch.bfloat16
    out.float().square().sum().backward()
    expected = plain.weight.grad
    assert (fast.weight.grad - expected).abs().max() < 0.03 * expected.abs().max()


def test_speed_up__replaces_depthwise_only_and_keeps_the_state_dict():
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1),
        nn.Conv2d(4, 4, 3, padding=1, groups=4),
        nn.Conv2d(4, 4, 3, padding=1, groups=4, stride=2),
    )
    before = {name: value.clone() for name, value in net.state_dict().items()}
    assert speed_up_depthwise(net) == 1
    assert [type(layer) for layer in net] == [nn.Conv2d, DepthwiseConv2d, nn.Conv2d]
    assert_close(net.state_dict(), before)
