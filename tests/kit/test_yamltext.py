"""Generated YAML says above what it is, and holds no line of its own."""

import yaml

from featurewatch_kit.yamltext import yaml_text

TREE = {"rules": [{"b": "two\nlines\n", "a": 1}, {"c": "é\u2028"}, {"d": [1]}], "other": "x"}


def test_a_comment_stands_above_its_item_and_changes_nothing_else() -> None:
    bare = yaml_text(TREE, header="made")
    text = yaml_text(TREE, header="made", comments={("rules", 1): "why\nso", ("rules", 2): "end"})
    assert [line for line in text.splitlines() if line.startswith("# ")] == [
        "# made",
        "# why",
        "# so",
        "# end",
    ]
    assert text.replace("# why\n# so\n", "").replace("# end\n", "") == bare
    assert text.index("# why\n# so\n- c: ") < text.index("# end\n- d:")
    assert yaml.safe_load(text) == TREE
