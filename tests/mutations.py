"""Changes of one expression each, at its exact place in a source, that a test should notice.

Left alone are annotations, what only a type checker reads (a false or None to return, too), other
platforms, texts for people, and the check of `zip` that two lengths are equal.
"""

import ast
import bisect
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_OPERATORS = {  # what an operator is found by, and what it becomes
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.In: ("in", "not in"),
    ast.NotIn: (r"not\s+in", "in"),
    ast.Is: ("is", "is not"),
    ast.IsNot: (r"is\s+not", "is"),
    ast.And: ("and", "or"),
    ast.Or: ("or", "and"),
    ast.Add: (r"\+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: (r"\*", "/"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "*"),
    ast.Pow: (r"\*\*", "*"),
}
_NEGATED = (ast.Eq, ast.NotEq, ast.In, ast.NotIn, ast.Is, ast.IsNot)  # by the table above
_SWAPPED = {"min": "max", "max": "min", "any": "all", "all": "any"}
_BY_KEY = {"get", "pop", "getattr", "hasattr"}  # their texts are keys
_WORD = re.compile(r"[a-z0-9_/.-]+")  # a mode or a name, not a text for people
_NO_MATTER = {"help", "strict"}  # arguments: a text, and a check of what is never wrong
_FOR_TYPES = {"cast", "TypeVar", "dataclass"}
Change = tuple[int, int, str, str]  # bytes from and to, text to put there, kind


@dataclass(frozen=True)
class Mutant:
    """A source with one change.

    Args:
        file: Path of the source, in its tree.
        line: Where the change is, from 1.
        kind: What was changed.
        function: Qualified name of the function around it, empty if it runs at import.
        before: The line or lines as they are, on one line.
        after: As they become.
        reach: Lines of which one runs where the change is felt; none if it runs at import.
        parts: The whole source, changed, as the bytes before these lines, of them and after them.
    """

    file: str
    line: int
    kind: str
    function: str
    before: str
    after: str
    reach: range
    parts: tuple[bytes, bytes, bytes]

    @property
    def text(self) -> str:
        """The whole source, changed."""
        return b"".join(self.parts).decode()

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What names it when lines move."""
        return self.file, self.function, self.before, self.after


def mutants_of(file: str, source: str) -> list[Mutant]:
    """Make every mutant of a source that compiles."""
    return [mutant for mutant in _Walk(file, source).mutants() if _compiles(mutant.text)]


def choose(sources: dict[str, str], count: int, seed: int) -> list[Mutant]:
    """Draw mutants of every source, the same again where a source or its neighbours change little.

    Args:
        sources: Text of each file.
        count: Mutants in all, if there are so many; at least one of each file that has any.
        seed: Seed of the draw.
    """
    all_of = {file: [*_Walk(file, text).mutants()] for file, text in sources.items()}
    chosen = []
    for file, share in allot({file: len(found) for file, found in all_of.items()}, count).items():
        seen: Counter[object] = Counter()
        drawn = {}
        for mutant in all_of[file]:
            name = f"{seed} {mutant.key} {mutant.kind} {seen[mutant.key]}"
            seen[mutant.key] += 1
            drawn[hashlib.sha256(name.encode()).digest()] = mutant
        valid = (drawn[digest] for digest in sorted(drawn) if _compiles(drawn[digest].text))
        chosen += [mutant for mutant, _ in zip(valid, range(share), strict=False)]
    return sorted(chosen, key=lambda mutant: (mutant.file, mutant.line, mutant.after))


def allot(sizes: dict[str, int], count: int) -> dict[str, int]:
    """Share a count among files: one each, the rest in proportion to their sizes, rounded."""
    sizes = {file: size for file, size in sizes.items() if size}
    rest, total = max(count - len(sizes), 0), sum(sizes.values())
    exact = {file: rest * size / total for file, size in sizes.items()}
    by_fraction = sorted(exact, key=lambda file: (int(exact[file]) - exact[file], file))
    left = rest - sum(int(share) for share in exact.values())
    more = set(by_fraction[:left])
    return {file: min(1 + int(exact[file]) + (file in more), sizes[file]) for file in sizes}


def read_sources(tree: Path) -> dict[str, str]:
    """Read every module below `src` of a tree."""
    files = sorted((tree / "src").rglob("*.py"))
    return {file.relative_to(tree).as_posix(): file.read_text("utf-8") for file in files}


def _compiles(text: str) -> bool:
    try:
        compile(text, "mutant", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    return True


class _Walk:
    """One walk over a source."""

    def __init__(self, file: str, source: str) -> None:
        self.file, self.source, self.bytes = file, source, source.encode()
        self.starts = [0]
        for line in self.bytes.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))

    def mutants(self) -> Iterator[Mutant]:
        yield from self._visit(ast.parse(self.source), (), range(0))

    def _visit(self, node: ast.AST, names: tuple[str, ...], reach: range) -> Iterator[Mutant]:
        if _is_left_alone(node):
            return
        function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        inside = reach != range(0)
        if function:  # what stands in its head is felt by its callers
            reach = range(node.body[0].lineno, (node.end_lineno or 0) + 1)
        elif isinstance(node, ast.stmt) and inside:
            reach = range(node.lineno, node.lineno + 1)
        for start, end, new, kind in self._changes(node):
            yield self._mutant((start, end, new, kind), names, reach)
        if function or isinstance(node, ast.ClassDef):
            names = (*names, node.name)
        for child in _children(node):
            yield from self._visit(child, names, reach)

    def _mutant(self, change: Change, names: tuple[str, ...], reach: range) -> Mutant:
        start, end, new, kind = change
        first = bisect.bisect_right(self.starts, start) - 1
        last = bisect.bisect_left(self.starts, end, lo=first + 1) - 1
        new += "\n" * (last - first - new.count("\n"))  # the lines below keep their numbers
        from_, to = self.starts[first], self.starts[last + 1]
        lines = self.bytes[from_:to]
        changed = self.bytes[from_:start] + new.encode() + self.bytes[end:to]
        before, after = (" ".join(text.decode().split()) for text in (lines, changed))
        reach = range(reach.start, max(reach.stop, last + 2)) if reach else reach
        parts = (self.bytes[:from_], changed, self.bytes[to:])
        return Mutant(self.file, first + 1, kind, ".".join(names), before, after, reach, parts)

    def _span(self, node: ast.AST) -> tuple[int, int]:
        return (
            self.starts[node.lineno - 1] + node.col_offset,
            self.starts[node.end_lineno - 1] + node.end_col_offset,
        )

    def _changes(self, node: ast.AST) -> Iterator[Change]:
        find = getattr(self, f"_in_{type(node).__name__.lower()}", None)
        yield from find(node) if find else ()

    def _operator(self, op: ast.AST, left: ast.AST, right: ast.AST) -> Iterator[Change]:
        if type(op) not in _OPERATORS:
            return
        old, new = _OPERATORS[type(op)]
        start, end = self._span(left)[1], self._span(right)[0]
        if found := re.search(old.encode(), self.bytes[start:end]):
            yield start + found.start(), start + found.end(), new, "operator"

    def _in_compare(self, node: ast.Compare) -> Iterator[Change]:
        sides = [node.left, *node.comparators]
        for left, op, right in zip(sides, node.ops, node.comparators, strict=False):
            yield from self._operator(op, left, right)
        for side in sides:
            yield from self._keys(side.elts if hasattr(side, "elts") else [side])

    def _in_boolop(self, node: ast.BoolOp) -> Iterator[Change]:
        for left, right in zip(node.values, node.values[1:], strict=False):
            yield from self._operator(node.op, left, right)

    def _in_binop(self, node: ast.BinOp) -> Iterator[Change]:
        texts = ast.JoinedStr, ast.Constant
        joined = any(
            isinstance(side, texts) and not isinstance(getattr(side, "value", ""), int | float)
            for side in (node.left, node.right)
        )
        if not joined:  # a text or a path: no arithmetic
            yield from self._operator(node.op, node.left, node.right)

    def _in_augassign(self, node: ast.AugAssign) -> Iterator[Change]:
        yield from self._operator(node.op, node.target, node.value)

    def _in_unaryop(self, node: ast.UnaryOp) -> Iterator[Change]:
        if isinstance(node.op, ast.Not):
            start = self._span(node)[0]
            yield start, start + len("not"), "", "not"

    def _in_constant(self, node: ast.Constant) -> Iterator[Change]:
        if isinstance(node.value, bool):
            yield *self._span(node), str(not node.value), "truth"
        elif isinstance(node.value, int | float):
            yield *self._span(node), repr(node.value + 1), "number"

    def _keys(self, nodes: Iterable[ast.AST | None]) -> Iterator[Change]:
        for node in nodes:
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and _WORD.fullmatch(node.value)
            ):
                yield *self._span(node), repr(f"XX{node.value}").replace("'", '"'), "key"

    def _in_subscript(self, node: ast.Subscript) -> Iterator[Change]:
        yield from self._keys([node.slice])

    def _in_dict(self, node: ast.Dict) -> Iterator[Change]:
        yield from self._keys(node.keys)

    def _in_matchvalue(self, node: ast.MatchValue) -> Iterator[Change]:
        yield from self._keys([node.value])

    def _in_arguments(self, node: ast.arguments) -> Iterator[Change]:
        yield from self._keys([*node.defaults, *node.kw_defaults])

    def _in_slice(self, node: ast.Slice) -> Iterator[Change]:
        for bound in (node.lower, node.upper):
            if bound is not None and not isinstance(bound, ast.Constant):
                yield *self._span(bound), "", "bound"

    def _condition(self, test: ast.expr) -> Iterator[Change]:
        negated = isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
        negated |= isinstance(test, ast.Compare) and isinstance(test.ops[0], _NEGATED)
        if not negated and not isinstance(test, ast.Constant):
            start, end = self._span(test)
            yield start, end, f"not ({self.bytes[start:end].decode()})", "condition"

    def _in_if(self, node: ast.If | ast.While | ast.IfExp) -> Iterator[Change]:
        if _name(node.test) != "TYPE_CHECKING":
            yield from self._condition(node.test)

    _in_while = _in_ifexp = _in_if

    def _in_comprehension(self, node: ast.comprehension) -> Iterator[Change]:
        for test in node.ifs:
            yield from self._condition(test)

    def _in_return(self, node: ast.Return) -> Iterator[Change]:
        if node.value and getattr(node.value, "value", True) not in (None, False):
            yield *self._span(node.value), "None", "return"

    def _in_expr(self, node: ast.Expr) -> Iterator[Change]:
        if isinstance(node.value, ast.Call | ast.Await):
            yield *self._span(node), "pass", "statement"

    def _in_break(self, node: ast.Break) -> Iterator[Change]:
        yield *self._span(node), "continue", "loop"

    def _in_continue(self, node: ast.Continue) -> Iterator[Change]:
        yield *self._span(node), "break", "loop"

    def _in_call(self, node: ast.Call) -> Iterator[Change]:
        name = _name(node.func)
        if name in _BY_KEY:
            yield from self._keys(node.args)
        if name in _SWAPPED:
            end = self._span(node.func)[1]
            yield end - len(name), end, _SWAPPED[name], "extreme"
        for keyword in node.keywords:
            yield from self._keys([keyword.value])
            if not _is_text(keyword):
                start, end = self._span(keyword)
                comma = re.match(rb"\s*,", self.bytes[end:])
                yield start, end + (comma.end() if comma else 0), "", "argument"


def _is_text(keyword: ast.keyword) -> bool:
    """Tell whether an argument is for people, or one of many that cannot be left out."""
    value = keyword.value
    text = isinstance(value, ast.Constant) and isinstance(value.value, str)
    text = text and not _WORD.fullmatch(value.value)
    return text or isinstance(value, ast.JoinedStr) or keyword.arg in (None, *_NO_MATTER)


def _name(node: ast.AST) -> str:
    return str(getattr(node, "attr", getattr(node, "id", "")))


def _children(node: ast.AST) -> Iterator[ast.AST]:
    """List the nodes below a node in which a change could be felt here."""
    left_out = {"annotation", "returns", "type_params"}
    if isinstance(node, ast.If) and _name(node.test) == "TYPE_CHECKING":
        left_out |= {"body"}
    if isinstance(node, ast.If) and ast.unparse(node.test) == "sys.platform == 'win32'":
        left_out |= {"body"}
    for field, value in ast.iter_fields(node):
        if field not in left_out:
            parts = value if isinstance(value, list) else [value]
            yield from (part for part in parts if isinstance(part, ast.AST))


def _is_left_alone(node: ast.AST) -> bool:
    match node:
        case ast.Raise() | ast.JoinedStr():
            return True
        case ast.keyword():
            return node.arg in _NO_MATTER
        case ast.Assign():
            return _name(node.targets[0]) == "__all__"
        case ast.Call():
            return _name(node.func) in _FOR_TYPES
    return False
