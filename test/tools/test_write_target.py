"""`bench --write-target`: this machine's figures, which the compiler reads back."""

import json
import subprocess


def test_the_compiler_reads_what_bench_writes(compile_program, tiny, tmp_path):
    path = tmp_path / "machine.json"
    tiny.run("bench", "--write-target", path, "--rounds", "1", "--threads", "1")
    figures = json.loads(path.read_text())
    assert figures["name"] == "measured" and figures["kind"] == "cpu" and figures["units"] == 1
    assert 0.5 < figures["memory_gbps"] <= figures["cache_gbps"]
    assert 1 < figures["peak_f32_gflops"] <= figures["peak_bf16_gflops"]
    assert 0 < figures["launch_us"] < 1000

    report = tmp_path / "report.json"
    subprocess.run([compile_program, "test/models/tiny", "--emit=planned", "-o", "/dev/null",
                    "--cost-target", path, "--report", report], check=True)
    target = json.loads(report.read_text())["target"]
    for key, value in figures.items():
        if value:
            same = target[key] == value or abs(target[key] / value - 1) < 1e-12
            assert same, key


def test_the_manifest_records_the_target(compile_program, tiny_model, tmp_path):
    out = tmp_path / "tiny"
    subprocess.run([compile_program, tiny_model, "-o", out, "--target=x86-64-v3",
                    "--cost-target=znver5"], check=True)
    content = out.read_bytes()
    at = content.rindex(b'"cost_target":')
    recorded, _ = json.JSONDecoder().raw_decode(content[at + 14:].decode("utf-8", "replace"))
    assert recorded["name"] == "znver5" and recorded["units"] == 128
    assert recorded["memory_gbps"] == 614.4


def test_a_file_that_cannot_be_written_is_refused(tiny, tmp_path):
    message = tiny.error("bench", "--write-target", tmp_path / "no" / "machine.json",
                         "--rounds", "1", "--threads", "1")
    assert "machine.json" in message
