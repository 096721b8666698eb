"""PromQL as a tree of what is to be computed; what can't be is refused here, by its name."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import promql_parser

from simulator import aggregations, functions, windows
from simulator.operators import Matching
from simulator.vectors import NAME, Labels, Unsupported, drop, keep

#: Functions that need more than values: what the evaluator does with them is in evaluator.py.
SPECIAL = [
    "time",
    "vector",
    "scalar",
    "absent",
    "absent_over_time",
    "timestamp",
    "label_replace",
    "label_join",
    "sort",
    "sort_desc",
    "histogram_quantile",
    "histogram_count",
    "histogram_sum",
    "histogram_avg",
    "histogram_fraction",
]


@dataclass(frozen=True)
class Matcher:
    """One condition on a label."""

    label: str
    operator: str
    value: str

    def holds(self, value: str) -> bool:
        """Whether a label value fulfils it; a missing label is an empty one."""
        if "~" in self.operator:
            found = re.fullmatch(self.value, value) is not None
        else:
            found = value == self.value
        return found == (not self.operator.startswith("!"))


@dataclass(frozen=True)
class Selector:
    """An instant selector, or with `seconds` one of a range."""

    matchers: tuple[Matcher, ...]
    offset: float = 0.0
    seconds: float | None = None

    def matches(self, labels: Labels) -> bool:
        """Whether it selects a series."""
        values = dict(labels)
        return all(each.holds(values.get(each.label, "")) for each in self.matchers)

    def may_match(self, known: dict[str, str]) -> bool:
        """Whether it could select a series of which only some labels are known."""
        return all(each.holds(known[each.label]) for each in self.matchers if each.label in known)

    @property
    def equal(self) -> dict[str, str]:
        """The labels whose value is given, by which `absent` names what is not there."""
        return {each.label: each.value for each in self.matchers if each.operator == "="}


@dataclass(frozen=True)
class Subquery:
    """An expression at each evaluation within a range."""

    inner: "Node"
    seconds: float
    offset: float = 0.0


@dataclass(frozen=True)
class Number:
    """A number or a string."""

    value: float | str


@dataclass(frozen=True)
class Negative:
    """A unary minus."""

    inner: "Node"


@dataclass(frozen=True)
class Call:
    """A function."""

    name: str
    arguments: tuple["Node", ...]


@dataclass(frozen=True)
class Binary:
    """An operator between two."""

    operator: str
    left: "Node"
    right: "Node"
    matching: Matching


@dataclass(frozen=True)
class Aggregation:
    """An aggregation by labels, or without them."""

    name: str
    inner: "Node"
    parameter: "Node | None" = None
    labels: frozenset[str] = field(default=frozenset())
    by: bool = True

    def signature(self, labels: Labels) -> Labels:
        """The labels of the group to which a series belongs."""
        return keep(labels, self.labels) if self.by else drop(labels, self.labels | {NAME})


Node = Selector | Subquery | Number | Negative | Call | Binary | Aggregation


def parse(text: str) -> Node:
    """The tree of an expression.

    Raises:
        Unsupported: it has something that the simulator does not know.

    """
    try:
        tree = promql_parser.parse(text)
    except ValueError as error:
        raise Unsupported(f"the parser says: {error}") from error
    return _node(tree)


def inner(node: Node) -> tuple[Node, ...]:
    """The parts of an expression."""
    match node:
        case Subquery() | Negative():
            return (node.inner,)
        case Aggregation():
            return (node.inner,) if node.parameter is None else (node.inner, node.parameter)
        case Call():
            return node.arguments
        case Binary():
            return (node.left, node.right)
    return ()


def selectors(node: Node) -> Iterator[Selector]:
    """Every selector below."""
    if isinstance(node, Selector):
        yield node
    for part in inner(node):
        yield from selectors(part)


def _node(tree) -> Node:
    convert: Callable | None = _KINDS.get(type(tree).__name__)
    if convert is None:
        raise Unsupported(type(tree).__name__)
    return convert(tree)


def _seconds(delta) -> float:
    seconds = 0.0 if delta is None else delta.total_seconds()
    if seconds < 0:
        raise Unsupported("a negative offset")
    return seconds


def _selector(tree, seconds: float | None = None) -> Selector:
    if tree.at is not None or tree.matchers.or_matchers:
        raise Unsupported("@ or `or` within a selector")
    matchers = [
        Matcher(each.name, _OPERATORS[str(each.op)], each.value) for each in tree.matchers.matchers
    ]
    if tree.name:
        matchers.append(Matcher(NAME, "=", tree.name))
    return Selector(tuple(matchers), _seconds(tree.offset), seconds)


_OPERATORS = {
    "MatchOp.Equal": "=",
    "MatchOp.NotEqual": "!=",
    "MatchOp.Re": "=~",
    "MatchOp.NotRe": "!~",
}


def _range(tree) -> Selector:
    return _selector(tree.vector_selector, tree.range.total_seconds())


def _subquery(tree) -> Subquery:
    if tree.at is not None or tree.step is None:
        raise Unsupported("a subquery with @ or without a resolution")
    return Subquery(_node(tree.expr), tree.range.total_seconds(), _seconds(tree.offset))


def _call(tree) -> Call:
    name = tree.func.name
    if not (name in functions.VALUES or name in windows.FUNCTIONS or name in SPECIAL):
        raise Unsupported(f"{name}()")
    return Call(name, tuple(_node(each) for each in tree.args))


def _aggregation(tree) -> Aggregation:
    name = str(tree.op)
    if not aggregations.known(name):
        raise Unsupported(name)
    parameter = None if tree.param is None else _node(tree.param)
    if tree.modifier is None:
        return Aggregation(name, _node(tree.expr), parameter)
    by = str(tree.modifier.type).endswith("By")
    return Aggregation(name, _node(tree.expr), parameter, frozenset(tree.modifier.labels), by)


_MANY = {"ManyToOne": "left", "OneToMany": "right"}


def _matching(modifier) -> Matching:
    if modifier is None:
        return Matching()
    if modifier.fill_values.lhs is not None or modifier.fill_values.rhs is not None:
        raise Unsupported("fill()")
    matching = modifier.matching
    return Matching(
        labels=frozenset(matching.labels if matching else ()),
        on=matching is not None and str(matching.type).endswith("Include"),
        many=_MANY.get(str(modifier.card).rpartition(".")[2], ""),
        included=tuple(modifier.group_labels or ()),
        returns_bool=modifier.return_bool,
    )


_KINDS: dict[str, Callable] = {
    "NumberLiteral": lambda tree: Number(tree.val),
    "StringLiteral": lambda tree: Number(tree.val),
    "ParenExpr": lambda tree: _node(tree.expr),
    "UnaryExpr": lambda tree: Negative(_node(tree.expr)),
    "VectorSelector": _selector,
    "MatrixSelector": _range,
    "SubqueryExpr": _subquery,
    "Call": _call,
    "AggregateExpr": _aggregation,
    "BinaryExpr": lambda tree: Binary(
        str(tree.op), _node(tree.lhs), _node(tree.rhs), _matching(tree.modifier)
    ),
}
