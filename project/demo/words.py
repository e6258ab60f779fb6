"""Names for the demo: drivers as given name and initial, which is no person; number plates in the Finnish form."""

import random
from collections.abc import Iterator

__all__ = ["FLEET_NAME", "driver_names", "registrations", "vehicle_names"]

FLEET_NAME = "Helsinki Deliveries"
GIVEN_NAMES = (
    "Aino", "Aleksi", "Alina", "Amir", "Anders", "Anni", "Antti", "Eero", "Eetu", "Elias", "Elina", "Ella",
    "Emma", "Fatima", "Hanna", "Heikki", "Helmi", "Henrik", "Hugo", "Iida", "Ilona", "Jari", "Jenna", "Joel",
    "Johan", "Juha", "Julia", "Kaisa", "Kalle", "Katri", "Lauri", "Leena", "Leo", "Liisa", "Linh", "Marko",
    "Matti", "Mei", "Mikko", "Milla", "Minna", "Mohamed", "Niko", "Nina", "Noora", "Olga", "Oskar", "Otto",
    "Pekka", "Petra", "Rasmus", "Reetta", "Riku", "Saana", "Salla", "Sami", "Sanna", "Sara", "Sofia", "Tero",
    "Tiina", "Timo", "Tuomas", "Valtteri", "Veera", "Ville", "Yusuf",
)  # fmt: skip
INITIALS = "ABEFGHJKLMNPRSTV"
PLATE_LETTERS = "ABCEFGHIJKLMNOPRSTUVXYZ"
FLOTILLA = (("Van", 180), ("Cargo bike", 60), ("Lorry", 40), ("Refrigerated van", 20))


def vehicle_names() -> Iterator[str]:
    """Yield the fleet's 300 vehicles, such as `Van 017`."""
    for kind, count in FLOTILLA:
        for number in range(1, count + 1):
            yield f"{kind} {number:03d}"


def registrations(*, seed: int = 7) -> Iterator[str]:
    """Yield plates without end, such as `KLB-482`, none twice."""
    draw = random.Random(seed)  # noqa: S311 - names, not secrets
    seen: set[str] = set()
    while True:
        plate = f"{''.join(draw.choices(PLATE_LETTERS, k=3))}-{draw.randint(101, 999)}"
        if plate not in seen:
            seen.add(plate)
            yield plate


def driver_names(*, seed: int = 7) -> Iterator[str]:
    """Yield every pair of a given name and an initial once, in a drawn order: `Aino K.`."""
    names = [f"{given} {initial}." for given in GIVEN_NAMES for initial in INITIALS]
    random.Random(seed).shuffle(names)  # noqa: S311 - names, not secrets
    yield from names
