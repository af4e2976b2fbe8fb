"""Random templates of the supported constructs, for comparison with jinja2."""

import random

VARIABLES = {
    "messages": [{"role": "user", "content": " hä <b>\n"}, {"role": "assistant", "content": None, "tool_calls": [
        {"type": "function", "function": {"name": "f", "arguments": {"a": [1, 2.5, "x"], "b": {}}}}]}],
    "n": 7, "neg": -3, "x": 2.5, "zero": 0, "text": "a,b,,c", "word": " wörd\u3000", "flag": True, "nothing": None,
    "empty": [], "list": [3, "a", None, 1.0, [1]], "dict": {"k": "v", "items": 1, "z": [1, {"q": "ü'\""}]}, "blank": "",
}
NAMES = [*VARIABLES, "missing", "i", "ns.a", "range"]
STRINGS = ["''", "'a'", '"b\\n"', "'\\u00e4\\x41\\101\\q'", "','", "'k'", "' '", "'it\\'s'", "'a' 'b'"]


class Maker:
    def __init__(self, seed):
        self.rng = random.Random(seed)

    def pick(self, *options):
        return self.rng.choice(options)

    def atom(self):
        r = self.rng
        return r.choice([
            lambda: r.choice(NAMES), lambda: r.choice(NAMES), lambda: r.choice(STRINGS),
            lambda: str(r.choice([0, 1, 2, 10, 123456789])), lambda: r.choice(["1.5", "1e3", "0.1", "1e16", "2.0", "1_000"]),
            lambda: r.choice(["true", "false", "none", "True", "None"]), lambda: "[1, 'a', none]", lambda: "{'a': 1, 'b': n}",
            lambda: "(1, 'x')", lambda: "[]", lambda: "{}", lambda: "messages[0]", lambda: "loop.index",
        ])()

    def expression(self, depth=3):
        if depth == 0 or self.rng.random() < 0.15:
            return self.atom()
        e = lambda: self.expression(depth - 1)  # noqa: E731
        a = lambda: self.atom()  # noqa: E731
        return self.rng.choice([
            lambda: f"{e()} {self.pick('+', '-', '/', '//', '%', '~', '+', '~')} {e()}",
            lambda: f"{e()} {self.pick('==', '!=', '<', '<=', '>', '>=', 'in', 'not in')} {e()}",
            lambda: f"{e()} * {self.pick('2', '3', '-1', '2.5', 'none')}",
            lambda: f"{a()} < {a()} <= {a()}",
            lambda: f"{e()} {self.pick('and', 'or')} {e()}",
            lambda: f"not {e()}", lambda: f"(-{e()})", lambda: f"+{a()}", lambda: f"({e()})",
            lambda: f"{e()} if {e()} else {e()}", lambda: f"{a()} if {a()}",
            lambda: f"{a()}.{self.pick('role', 'content', 'k', 'z', 'a', 'first', 'length')}",
            lambda: f"{a()}[{e()}]", lambda: f"{a()}[{self.pick('', '1', '-2', 'n')}:{self.pick('', '2', '-1', '100')}]",
            lambda: f"{a()}[::{self.pick('2', '-1', '-2', '0', '')}]",
            lambda: f"({e()}).{self.method()}",
            lambda: f"{a()}.{self.method()}",
            lambda: f"{a()} | {self.filter()}", lambda: f"({e()}) | {self.filter()} | {self.filter()}",
            lambda: f"{a()} is {self.pick('', 'not ')}{self.test()}",
            lambda: f"[{e()}, {e()}]", lambda: f"{{'a': {e()}, 'k': {e()}}}",
            lambda: f"namespace(a={e()}).a", lambda: f"range({self.pick('3', '1, 4', '5, 0, -2', 'n')}) | list",
        ])()

    def method(self):
        return self.pick("strip()", "lstrip()", "rstrip()", "strip('a ')", "split()", "split(',')", "split(',', 1)",
                         "split(none, 1)", "startswith('a')", "endswith('b')", "replace('a', 'xy')", "replace('', '-')",
                         "get('k')", "get('q', 5)", "items() | list", "keys() | list", "values() | list")

    def filter(self):
        return self.pick("trim", "length", "count", "tojson", "tojson(indent=2)", "tojson(ensure_ascii=true)",
                         "tojson(sort_keys=true)", "string", "list", "join", "join(', ')", "first", "last", "default('d')",
                         "d('e', true)", "default(default_value=1, boolean=true)", "items | list", "replace('a', 'b')",
                         "trim('a')", "list | length")

    def test(self):
        return self.pick("defined", "undefined", "none", "string", "mapping", "iterable", "sequence", "number", "integer",
                         "float", "boolean", "true", "false")

    def tag(self, inner):
        return f"{{%{self.pick('', '', '-', '+')} {inner} {self.pick('', '', '-', '+')}%}}"

    def text(self):
        return self.pick("", " ", "\n", "  \n", "\n    ", "a", "a\n", "\tx ", "}", "{ ", "é\n\n", "\r\n  ", "\r", "\u2003", "'")

    def statement(self, depth):
        body = lambda: self.body(depth - 1)  # noqa: E731
        e = self.expression
        return self.rng.choice([
            lambda: f"{{{{{self.pick('', '-')} {e()} {self.pick('', '-')}}}}}",
            lambda: f"{{{{{self.pick('', '-')} {e()} {self.pick('', '-')}}}}}",
            lambda: self.tag(f"set i = {e()}"), lambda: self.tag(f"set ns.a = {e()}"),
            lambda: self.tag("set i") + body() + self.tag("endset"),
            lambda: self.tag(f"if {e(2)}") + body() + self.tag(f"elif {e(1)}") + body() + self.tag("else") + body()
            + self.tag("endif"),
            lambda: self.tag(f"if {e(2)}") + body() + self.tag("endif"),
            lambda: self.tag(f"for i in {e(2)}") + body() + self.tag("else") + body() + self.tag("endfor"),
            lambda: self.tag(f"for i in {self.pick('list', 'messages', 'text', 'dict')}{self.pick('', ' if i')}") + body()
            + "{{ loop.index }}{{ loop.last }}{{ loop.previtem }}" + self.tag("endfor"),
            lambda: self.tag("for k, v in dict.items()") + "{{ k }}={{ v }}" + body() + self.tag("endfor"),
            lambda: self.tag("for i in list") + body() + self.tag("if loop.index0 > 1") + self.tag(self.pick("break", "continue"))
            + self.tag("endif") + "." + self.tag("endfor"),
            lambda: f"{{#{self.pick('', '-', '+')} {self.text()} {self.pick('', '-', '+')}#}}",
            lambda: f"{{%{self.pick('', '-')} raw {self.pick('', '-')}%}}" + self.text() + "{{ x }}"
            + f"{{%{self.pick('', '-', '+')} endraw {self.pick('', '-', '+')}%}}",
        ])()

    def body(self, depth):
        if depth <= 0:
            return self.text()
        return "".join(self.text() + self.statement(depth) for _ in range(self.rng.randint(0, 2))) + self.text()

    def template(self):
        return "{% set ns = namespace(a=1) %}" + self.body(3) + self.statement(2) + self.text()


def templates(seed, count):
    maker = Maker(seed)
    return [maker.template() for _ in range(count)]
