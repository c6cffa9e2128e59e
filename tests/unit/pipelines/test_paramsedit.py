"""What `-S` does to a params file, and what it leaves alone."""
from __future__ import annotations

import json

import pytest

from pipelines.engine.experiments.overrides import InvalidOverride
from pipelines.engine.experiments import paramsedit
from pipelines.engine.experiments.paramsedit import ParamsFile, edited

YAML = """\
# top
lr: 0.1   # rate
train:
    "epochs": 3  # how many
    layers: [1, 2]   # flow
'name': 'base'
"""


def yaml(*texts: str, text: str = YAML) -> str:
    return edited(text.encode(), "params.yaml", texts).decode()


def test_scalars_are_replaced_where_they_stand() -> None:
    assert yaml("lr=0.5", "train.epochs=4", "name=a b") == YAML.replace("0.1", "0.5").replace("3 ", "4 ").replace("'base'", "a b")


def test_comments_keep_their_column_where_they_can() -> None:
    text = "a: 0.25   # one\nb: 2 # two\n"
    assert yaml("a=1", "b=300", text=text) == "a: 1      # one\nb: 300 # two\n"


def test_nothing_is_written_as_the_dumper_does() -> None:
    assert yaml("a=null", text="a: 1\nb: 2\n") == "a:\nb: 2\n"


def test_an_item_of_a_list() -> None:
    assert yaml("train.layers.1=9") == YAML.replace("[1, 2]", "[1, 9]")


SWEEP = [["lr=1"], ["lr=2", "train.epochs=9"], ["train.layers.1=7"], ["name='a: b'"], ["train.layers=[3]"], ["+train.new=1"], ["lr=1"], ["+train.more={a: 1}", "train.more.a=2"]]


@pytest.mark.parametrize("start", ["", "---\n", "{a: [1, 2], lr: 3} #", "base: &x {lr: 1}\nother: *x\n"])
def test_edits_of_a_file_that_is_parsed_once_do_not_mix(start: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = f"{start}{YAML}{'# more'.rjust(9)}\nlast: [a, 'b']\n".encode() if "#" not in start else f"{start}\n".encode()
    read, parsed = paramsedit.read_params, []
    monkeypatch.setattr(paramsedit, "read_params", lambda data, path: parsed.append(len(data)) or read(data, path))
    file = ParamsFile(data, "params.yaml")
    for texts in [["lr=1"], ["lr=5"], ["lr=1.5"]] if "#" in start else SWEEP:
        parsed.clear()
        once = file.edited(texts)
        if "*" not in start and "#" not in start and texts[0][0] != "+" and "[3" not in texts[0]:
            assert max(parsed[1:], default=0) < len(data) - 10, "a part is read to check it"
        assert once == edited(data, "params.yaml", texts) != data
    assert file.data == data and file.values == read(data, "params.yaml")


def test_texts_that_look_like_other_things_are_quoted() -> None:
    assert yaml("name='1'", text="name: x\n") == "name: '1'\n"
    assert yaml("name='true'", text="name: x\n") == "name: 'true'\n"


def test_a_value_that_is_already_there_changes_nothing() -> None:
    assert yaml("lr=0.1") == YAML


def test_types_count() -> None:
    assert yaml("a=1.0", text="a: 1\n") == "a: 1.0\n"
    assert yaml("a=true", text="a: 1\n") == "a: true\n"


def test_comments_and_order_survive_new_and_removed_keys() -> None:
    text = yaml("+train.new=1", "~name")
    assert "# top" in text and "# rate" in text and "# how many" in text
    assert text.index("lr") < text.index("train") < text.index("new") and "name" not in text


def test_adding_nested_keys_makes_the_way() -> None:
    assert yaml("+a.b.c=1", text="x: 1\n") == "x: 1\na:\n  b:\n    c: 1\n"
    assert yaml("+a=1", text="") == "a: 1\n"


def test_a_mapping_is_merged_and_a_list_replaced() -> None:
    assert yaml("train={epochs:9}", text="train:\n  epochs: 1\n  x: 2\n") == "train:\n  epochs: 9\n  x: 2\n"
    assert yaml("a=[3]", text="a:\n- 1\n- 2\n") == "a:\n- 3\n"


def test_references_are_followed() -> None:
    assert yaml("name=${train.epochs}") == YAML.replace("'base'", "3")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nope=1", "Could not override 'nope'.\nTo append to your config use +nope=1: Key 'nope' is not in struct\n    full_key: nope\n    object_type=dict"),
        ("train.x=1", "Could not override 'train.x'.\nTo append to your config use +train.x=1: Key 'x' is not in struct\n    full_key: train.x\n    object_type=dict"),
        ("+lr=3", "Could not append to config. An item is already at 'lr'.\nEither remove + prefix: 'lr=3'\nOr add a second + to add or override 'lr': '++lr=3'\n"),
        ("~nope", "Could not delete from config. 'nope' does not exist."),
        ("~lr=3", "Could not delete from config. The value of 'lr' is 0.1 and not 3."),
        ("db@x=1", "Override db@x=1 looks like a config group override, but config group 'db' does not exist."),
        ("train.layers.9=1", "list index out of range"),
    ],
)
def test_what_does_not_fit_is_refused_in_the_contracts_words(text: str, message: str) -> None:
    with pytest.raises(InvalidOverride) as caught:
        yaml(text)
    assert str(caught.value).startswith("Invalid `--set-param` value: ") and message in str(caught.value)


def test_anchors_are_left_to_the_editor_that_knows_them() -> None:
    assert yaml("b=2", text="a: &x 1\nb: *x\n") == "a: &x 1\nb: 2\n"


def test_json_keeps_its_indentation() -> None:
    text = json.dumps({"a": {"b": 1}, "c": "é"}, indent=4, ensure_ascii=False) + "\n"
    assert edited(text.encode(), "p.json", ["a.b=2"]).decode() == text.replace("1", "2")
    assert edited(b'{"a":1,"b":[1]}', "p.json", ["a=2"]) == b'{"a":2,"b":[1]}'


def test_toml_keeps_its_comments() -> None:
    assert edited(b"# top\n[a]\nb = 1  # one\n", "p.toml", ["a.b=2"]) == b"# top\n[a]\nb = 2  # one\n"


def test_python_values_are_replaced_where_they_stand() -> None:
    text = "import os\nLR = 0.1  # rate\n\nclass Train:\n    'é'\n    epochs = 3\n"
    assert edited(text.encode(), "p.py", ["LR=0.5", "Train.epochs=4"]).decode() == text.replace("0.1", "0.5").replace("3", "4")
    with pytest.raises(InvalidOverride, match="only the values of existing names"):
        edited(text.encode(), "p.py", ["+new=1"])
