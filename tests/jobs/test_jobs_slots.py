from turn_core.jobs import slots


def test_gpus_are_those_of_the_driver_unless_the_environment_names_some(tmp_path):
    for name in ("nvidia0", "nvidia1", "nvidia10", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()
    assert slots.devices({}, tmp_path) == ["0", "1", "10"]
    assert slots.devices({"CUDA_VISIBLE_DEVICES": "1, GPU-ab/c"}, tmp_path) == ["1", "GPU-ab/c"]
    assert slots.devices({"CUDA_VISIBLE_DEVICES": ""}, tmp_path) == []
    assert slots.devices({"CUDA_VISIBLE_DEVICES": "-1"}, tmp_path) == []


def test_no_driver_means_no_gpu_whatever_the_environment_says(tmp_path):
    assert slots.devices({"CUDA_VISIBLE_DEVICES": "0"}, tmp_path) == []


def test_machine_without_gpu_has_one_slot(tmp_path):
    first = slots.acquire(tmp_path, [])
    assert (first.name, first.environ) == ("cpu", {})
    assert slots.acquire(tmp_path, []) is None
    first.release()
    again = slots.acquire(tmp_path, [])
    assert again.name == "cpu"
    again.release()


def test_every_gpu_is_a_slot_and_the_job_sees_only_its_own(tmp_path):
    taken = [slots.acquire(tmp_path, ["0", "GPU-ab/c"]) for _ in range(3)]
    assert [slot and slot.name for slot in taken] == ["gpu0", "gpuGPU-ab_c", None]
    assert taken[1].environ == {"CUDA_VISIBLE_DEVICES": "GPU-ab/c"}
    for slot in taken[:2]:
        slot.release()
