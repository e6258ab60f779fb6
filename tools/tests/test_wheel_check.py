"""The pure parts of the wheel's proof; the proof itself is `make wheel`."""

from tools.wheel_check import PROJECT, PROOF, pins


def test_pins_are_taken_from_a_lock_without_hashes_and_markers() -> None:
    first = "django==6.1.3 \\\n    --hash=sha256:00\n    # via x\n"
    lock = first + "uvloop==0.23.0 ; sys_platform != 'win32' \\\n    --hash=sha256:11\n"
    assert pins(lock) == "django==6.1.3\nuvloop==0.23.0\n"


def test_the_minimal_projects_files_are_python() -> None:
    for name, text in {**PROJECT, "prove.py": PROOF}.items():
        compile(text, name, "exec")
