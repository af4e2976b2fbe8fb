"""A compilation that is killed leaves no file that does not run."""

from test.e2e.kill_nine import Kills

COUNT = 12  # python -m test.e2e.kill_nine does 1,000


def test_kill_nine(compile_program, tiny_model, tmp_path):
    found = Kills(compile_program, tiny_model, tmp_path, seed=1).run(COUNT)
    outcomes = [found.get(f"then {name}", 0)
                for name in ("no file", "the older file", "the new file")]
    assert sum(outcomes) == COUNT and outcomes[0] > 0, found
