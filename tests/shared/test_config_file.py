"""What every tool server's configuration and keys are read like."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from shared.config_file import KEY_CHARACTERS, Strict, load, read_key
from shared.errors import BadSetup

SHORT, GIVEN, KEPT = "k" * (KEY_CHARACTERS - 1), "g" * KEY_CHARACTERS, "f" * KEY_CHARACTERS


class Part(Strict):
    """A section."""

    file: Path
    word: str = ""


class Whole(Strict):
    """A configuration."""

    part: Part
    more: tuple[Part, ...] = ()


def test_paths_are_seen_from_the_file_and_other_words_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text(
        '[part]\nfile = "../key"\nword = "../key"\n[[more]]\nfile = "a"\n[[more]]\nfile = "b"\n'
    )
    whole = load(path, Whole, paths={"file"})
    assert whole.part == Part(file=tmp_path / "../key", word="../key")
    assert [one.file for one in whole.more] == [tmp_path / "a", tmp_path / "b"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[part]\nfile = 1\n", "part.file"),
        ('[part]\nfile = "a"\nhunter2 = "hunter3"\n', "part.hunter2"),
        ("[part", "is not TOML"),
        ("", "part: Field required"),
    ],
)
def test_a_mistake_is_told_by_its_place_and_without_its_value(
    tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "x.toml"
    path.write_text(text)
    with pytest.raises(BadSetup) as bad:
        load(path, Whole)
    assert str(path) in str(bad.value)
    assert said in str(bad.value)
    assert "hunter3" not in str(bad.value)


def test_a_key_is_the_files_then_the_given_and_long_enough(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{KEPT}\n")
    assert read_key("The key", None, None) is None
    assert read_key("The key", SecretStr(GIVEN), None) == GIVEN
    assert read_key("The key", SecretStr(GIVEN), file) == KEPT
    file.write_text(SHORT)
    for given, kept in ((SecretStr(SHORT), None), (None, file), (None, tmp_path / "none")):
        with pytest.raises(BadSetup, match=r"The key (must have|cannot be read)") as bad:
            read_key("The key", given, kept)
        assert SHORT not in str(bad.value)
