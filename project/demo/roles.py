"""Who one can be in the demo, and what each role shows."""

from dataclasses import dataclass

from project.demo.words import FLEET_NAME

__all__ = ["ROLES", "Role", "role_by_slug"]

_SEE = ("view_fleet", "view_vehicle", "view_driver", "view_device")
_RUN = tuple(f"{verb}_{what}" for verb in ("add", "change") for what in ("vehicle", "driver", "device"))


@dataclass(frozen=True, kw_only=True)
class Role:
    """A role of the demo.

    `permissions` are codenames of the app `fleet`; `landing` is the path one arrives at.
    """

    slug: str
    username: str
    full_name: str
    title: str
    shows: str
    landing: str
    group: str
    permissions: tuple[str, ...] = ()
    is_staff: bool = False
    is_superuser: bool = False


ROLES = (
    Role(
        slug="dispatcher",
        username="dispatcher",
        full_name="Demo dispatcher",
        title="Dispatcher",
        shows="The live map: every vehicle as it moves, counters by status, search, and the way a vehicle came.",
        landing="/console/",
        group=f"{FLEET_NAME} dispatchers",
        # Every fleet, so that a recording that is replayed beside the demo shows up without another step.
        permissions=(*_SEE, "view_every_fleet"),
    ),
    Role(
        slug="manager",
        username="manager",
        full_name="Demo manager",
        title="Fleet manager",
        shows="The fleet's vehicles, drivers and devices in the administration, without other people's rights.",
        landing="/admin/",
        group=f"{FLEET_NAME} managers",
        permissions=_SEE + _RUN,
        is_staff=True,
    ),
    Role(
        slug="administrator",
        username="admin",
        full_name="Demo administrator",
        title="Administrator",
        shows="Everything in the administration: fleets and their clocks, people, groups and rights.",
        landing="/admin/",
        group=f"{FLEET_NAME} administrators",
        is_staff=True,
        is_superuser=True,
    ),
)


def role_by_slug(slug: str) -> Role | None:
    """Return the role of that name, or None when there is none."""
    return next((role for role in ROLES if role.slug == slug), None)
