"""The command `members`: who has which role, for whoever runs the server."""

import argparse
import getpass
import sys

HELP = """\
Without members everybody is an owner. The first one must be an owner; from then on a name may do
what its role allows: a viewer looks, a reviewer also decides, an owner does everything.
"""


def add_options(command: argparse.ArgumentParser) -> None:
    """Add the options."""
    add = command.add_argument
    add("--add", metavar="NAME", help="give this person the role --role")
    add("--role", choices=("viewer", "reviewer", "owner"), default="reviewer", help="of --add")
    add("--remove", metavar="NAME", help="take this person's role away")
    add("--project", metavar="ID", type=int, help="in this project only (default: everywhere)")


def run(args: argparse.Namespace) -> int:
    """Change the members as asked, then list them."""
    from turn_core.config import Settings
    from turn_core.errors import NotFoundError
    from turn_core.services import members
    from turn_core.services.workspace import open_workspace
    from turn_core.types.reviewing import Role

    workspace = open_workspace(Settings.from_env())
    who = getpass.getuser()
    try:
        if args.add:
            role = Role(args.role)
            members.set_member(
                workspace, args.add, role, project_id=args.project, actor=who, as_operator=True
            )
        if args.remove:
            found = [m for m in members.list_members(workspace) if m.name == args.remove]
            found = [m for m in found if m.project_id == args.project]
            if not found:
                raise NotFoundError(f"there is no member {args.remove!r} there: see `members`")
            members.remove_member(workspace, found[0].member_id, actor=who, as_operator=True)
        for member in members.list_members(workspace):
            where = "everywhere" if member.project_id is None else f"project {member.project_id}"
            sys.stdout.write(f"{member.name}\t{member.role.value}\t{where}\n")
    finally:
        workspace.close()
    return 0
