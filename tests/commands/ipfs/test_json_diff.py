"""The difference of two configurations; the expected texts are what Kubo 0.43 printed."""

from jiaozi_node.commands.ipfs.json_diff import diff


def test_what_stays_is_shown_whole_and_what_changes_in_colour() -> None:
    text = diff(
        {"A": {"x": [1]}, "B": {"k": None, "l": 2}}, {"A": {"x": [1]}, "B": {"k": 1, "l": 2}}
    )
    assert text == (
        '{\n"A": {"x":[1]},\n"B": {\n\x1b[33m    <> "k": null,\n    ** "k": 1,\x1b[0m\n'
        '    "l": 2\n    }\n}'
    )


def test_entries_of_lists_have_no_key() -> None:
    assert diff({"B": []}, {"B": ["auto"]}) == (
        '{\n"B": {\n\x1b[32m    << "": "auto"\x1b[0m\n    }\n}'
    )


def test_what_goes_is_red() -> None:
    assert diff({"a": 1, "b": 2}, {"b": 2}) == '{\n\x1b[31m>> "a": 1,\x1b[0m\n"b": 2\n}'


def test_false_is_not_zero() -> None:
    assert "<>" in diff({"a": 0}, {"a": False})
