"""One meaning for each text, and a place for each refusal."""

import pytest

from tlm.errors import Place
from tlm.yaml_source import read_yaml, scalar


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"), ("yes", "yes"), ("on", "on"), ("off", "off"), ("True", "True"), ("true", True),
        ("false", False), ("~", None), ("null", None), ("1:30", "1:30"), ("1e9", 1e9), ("1.5e-3", 0.0015),
        ("2.", 2.0), (".5", 0.5), ("1e999", "1e999"), (".inf", ".inf"), (".nan", ".nan"), ("12", 12),
        ("-3", -3), ("1_000", 1000), ("1__0", "1__0"), ("_1", "_1"), ("0x8000_0000", 0x80000000),
        ("0xg", "0xg"),
        ("010", "010"), ("0o17", "0o17"), ("2026-01-01", "2026-01-01"), ("350 MHz", "350 MHz"),
        ("9" * 41, "9" * 41),
    ],
)  # fmt: skip
def test_scalars(text, value):
    found = scalar(text)
    assert found == value
    assert type(found) is type(value)


def test_quoted_scalars_are_text():
    tree, problems = read_yaml("{a: \"1\", b: 'true', \"c\": '~'}", "f")
    assert tree.plain() == {"a": "1", "b": "true", "c": "~"}
    assert problems == []


def test_every_key_and_value_has_its_place():
    tree, _ = read_yaml("a: 1\nb:\n  c:  [x, y]\n", "f.yaml")
    c = tree.value["b"].value["c"]
    assert (c.key_place, c.place) == (Place("f.yaml", 3, 3), Place("f.yaml", 3, 7))
    assert str(c.value[1].place) == "f.yaml:3:11"


def test_a_given_place_stands_for_all():
    tree, _ = read_yaml("{a: 1}", "f", Place("--set x={a: 1}"))
    assert str(tree.value["a"].place) == "--set x={a: 1}"


@pytest.mark.parametrize("text", ["", "# nothing\n"])
def test_nothing_is_no_tree(text):
    assert read_yaml(text, "f") == (None, [])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3", "f:3:1: a must be given once (it is already on line 1)"),
        ("a:\n  b: 1\n  b: 2", "f:3:3: a.b must be given once (it is already on line 2)"),
        ("a:\n\tb: 1", "f:2:1: indentation must be spaces, not tabs"),
        ("a: &x 1", "f:1:4: a must not carry an anchor (&x): write the value where it is used"),
        ("a: *x", "f:1:4: a must be written out, not given by the alias *x"),
        ("<<: {b: 1}", "f:1:1: << must not be used: write the keys out, or put them in a file it `uses`"),
        ("a: !!str 1", "f:1:4: a must be plain, not tagged tag:yaml.org,2002:str"),
        ("a:\n  b:", "f:2:3: a.b must have a value (~ stands for none)"),
        ("? [a]\n: 1", "f:1:3: a key in the document must be a text"),
        ('"": 1', "f:1:1: a key in the document must be a text"),
        ("--- {a: 1}\n--- {b: 1}", "f:2:1: a file must hold one document, not several"),
        ("a: b: c", "f:1:5: must be valid YAML: mapping values are not allowed in this context"),
        ("[" * 50, "f:1:42: must be valid YAML: more than 40 levels"),
        ('ä: "\x07"', "f:1:5: must be text, not character '\\x07'"),
        ("a: \udc80", "f:1:4: must be text, not character '\\udc80'"),
    ],
)
def test_refused(text, message):
    _, problems = read_yaml(text, "f")
    assert [str(problem) for problem in problems] == [message]


def test_problems_before_a_syntax_error_are_kept():
    tree, problems = read_yaml("a: 1\na: 2\nb: [", "f")
    assert tree is None
    assert [str(p.place) for p in problems] == ["f:2:1", "f:4:1"]
