"""Released chat templates that no package carries, as their tokenizer_config.json has them, and conversations."""

import random

# DeepSeek-V2.5.
V25 = (
    "{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}"
    "{% set ns = namespace(is_first=false, is_tool=false, is_output_first=true, system_prompt='') %}"
    "{%- for message in messages %}    {%- if message['role'] == 'system' %}"
    "        {% set ns.system_prompt = message['content'] %}    {%- endif %}{%- endfor %}"
    "{{bos_token}}{{ns.system_prompt}}{%- for message in messages %}    {%- if message['role'] == 'user' %}"
    "    {%- set ns.is_tool = false -%}{{'<｜User｜>' + message['content']}}    {%- endif %}"
    "    {%- if message['role'] == 'assistant' and message['content'] is none %}"
    "        {%- set ns.is_tool = false -%}        {%- for tool in message['tool_calls']%}"
    "            {%- if not ns.is_first %}"
    "{{'<｜Assistant｜><｜tool▁calls▁begin｜><｜tool▁call▁begin｜>' + tool['type'] + '<｜tool▁sep｜>'"
    " + tool['function']['name'] + '\\n' + '```json' + '\\n' + tool['function']['arguments'] + '\\n' + '```'"
    " + '<｜tool▁call▁end｜>'}}            {%- set ns.is_first = true -%}            {%- else %}"
    "{{'\\n' + '<｜tool▁call▁begin｜>' + tool['type'] + '<｜tool▁sep｜>' + tool['function']['name'] + '\\n'"
    " + '```json' + '\\n' + tool['function']['arguments'] + '\\n' + '```' + '<｜tool▁call▁end｜>'}}"
    "{{'<｜tool▁calls▁end｜><｜end▁of▁sentence｜>'}}                   {%- endif %}        {%- endfor %}"
    "    {%- endif %}    {%- if message['role'] == 'assistant' and message['content'] is not none %}"
    "        {%- if ns.is_tool %}{{'<｜tool▁outputs▁end｜>' + message['content'] + '<｜end▁of▁sentence｜>'}}"
    "            {%- set ns.is_tool = false -%}        {%- else %}"
    "{{'<｜Assistant｜>' + message['content'] + '<｜end▁of▁sentence｜>'}}        {%- endif %}    {%- endif %}"
    "    {%- if message['role'] == 'tool' %}        {%- set ns.is_tool = true -%}"
    "        {%- if ns.is_output_first %}"
    "{{'<｜tool▁outputs▁begin｜><｜tool▁output▁begin｜>' + message['content'] + '<｜tool▁output▁end｜>'}}"
    "            {%- set ns.is_output_first = false %}        {%- else %}"
    "{{'\\n<｜tool▁output▁begin｜>' + message['content'] + '<｜tool▁output▁end｜>'}}        {%- endif %}"
    "    {%- endif %}{%- endfor -%}{% if ns.is_tool %}{{'<｜tool▁outputs▁end｜>'}}{% endif %}"
    "{% if add_generation_prompt and not ns.is_tool %}{{'<｜Assistant｜>'}}{% endif %}"
)

# DeepSeek-R1.
R1 = (
    "{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}"
    "{% set ns = namespace(is_first=false, is_tool=false, is_output_first=true, system_prompt='') %}"
    "{%- for message in messages %}{%- if message['role'] == 'system' %}"
    "{% set ns.system_prompt = message['content'] %}{%- endif %}{%- endfor %}{{bos_token}}{{ns.system_prompt}}"
    "{%- for message in messages %}{%- if message['role'] == 'user' %}{%- set ns.is_tool = false -%}"
    "{{'<｜User｜>' + message['content']}}{%- endif %}"
    "{%- if message['role'] == 'assistant' and message['content'] is none %}{%- set ns.is_tool = false -%}"
    "{%- for tool in message['tool_calls']%}{%- if not ns.is_first %}"
    "{{'<｜Assistant｜><｜tool▁calls▁begin｜><｜tool▁call▁begin｜>' + tool['type'] + '<｜tool▁sep｜>'"
    " + tool['function']['name'] + '\\n' + '```json' + '\\n' + tool['function']['arguments'] + '\\n' + '```'"
    " + '<｜tool▁call▁end｜>'}}{%- set ns.is_first = true -%}{%- else %}"
    "{{'\\n' + '<｜tool▁call▁begin｜>' + tool['type'] + '<｜tool▁sep｜>' + tool['function']['name'] + '\\n'"
    " + '```json' + '\\n' + tool['function']['arguments'] + '\\n' + '```' + '<｜tool▁call▁end｜>'}}"
    "{{'<｜tool▁calls▁end｜><｜end▁of▁sentence｜>'}}{%- endif %}{%- endfor %}{%- endif %}"
    "{%- if message['role'] == 'assistant' and message['content'] is not none %}{%- if ns.is_tool %}"
    "{{'<｜tool▁outputs▁end｜>' + message['content'] + '<｜end▁of▁sentence｜>'}}{%- set ns.is_tool = false -%}"
    "{%- else %}{% set content = message['content'] %}{% if '</think>' in content %}"
    "{% set content = content.split('</think>')[-1] %}{% endif %}"
    "{{'<｜Assistant｜>' + content + '<｜end▁of▁sentence｜>'}}{%- endif %}{%- endif %}"
    "{%- if message['role'] == 'tool' %}{%- set ns.is_tool = true -%}{%- if ns.is_output_first %}"
    "{{'<｜tool▁outputs▁begin｜><｜tool▁output▁begin｜>' + message['content'] + '<｜tool▁output▁end｜>'}}"
    "{%- set ns.is_output_first = false %}{%- else %}"
    "{{'\\n<｜tool▁output▁begin｜>' + message['content'] + '<｜tool▁output▁end｜>'}}{%- endif %}{%- endif %}"
    "{%- endfor -%}{% if ns.is_tool %}{{'<｜tool▁outputs▁end｜>'}}{% endif %}"
    "{% if add_generation_prompt and not ns.is_tool %}{{'<｜Assistant｜><think>\\n'}}{% endif %}"
)

PARTS = ["", " ", "\n", "\r\n", "\t", "hello", "Grüße", "世界", "안녕", "👩\u200d👧", "e\u0301", "{{ x }}", "{% if %}", "{#", "#}",
         "}}", "%}", "'", '"', "\\", "\\n", "<｜User｜>", "<｜end▁of▁sentence｜>", "</think>", "<think>", "```json", "\0",
         "\x1f", "\u2028", "\u3000", "&lt;", "<b>", "None", "[1, 2]", "🙂" * 20, "x" * 300]


def _text(rng):
    return "".join(rng.choice(PARTS) for _ in range(rng.choice([0, 1, 1, 2, 3, 8])))


def _message(rng):
    role = rng.choice(["user", "assistant", "user", "assistant", "system", "tool", "developer"])
    message = {"role": role, "content": _text(rng)}
    if role == "assistant" and rng.random() < 0.4:
        message["content"] = rng.choice([None, message["content"]])
        message["tool_calls"] = [
            {"type": "function", "id": str(i), "function": {"name": _text(rng) or "f", "arguments": _text(rng)}}
            for i in range(rng.randrange(4))]
    # What callers get wrong.
    if rng.random() < 0.05:
        del message[rng.choice(list(message))]
    if rng.random() < 0.05:
        message[rng.choice(["content", "role", "name"])] = rng.choice([None, 3, 1.5, True, ["a"], {"text": "a"}, ""])
    return message


def conversations(seed, count):
    """Variables of a template, as transformers passes them."""
    rng = random.Random(seed)
    for _ in range(count):
        variables = {"messages": [_message(rng) for _ in range(rng.choice([0, 1, 2, 3, 5, 9]))],
                     "tools": None, "documents": None, "bos_token": "<｜begin▁of▁sentence｜>",
                     "eos_token": "<｜end▁of▁sentence｜>"}
        if rng.random() < 0.9:
            variables["add_generation_prompt"] = rng.random() < 0.5
        yield variables
