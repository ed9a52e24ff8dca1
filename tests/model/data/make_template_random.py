"""Random templates and what transformers' own environment makes of them (tests/model/template_random_test.cpp).

    python tests/model/data/make_template_random.py COUNT SEED OUT

OUT: one JSON object a line. The first holds the contexts, each other one a case. A function of COUNT, SEED and the
versions of transformers and jinja2. The cases that CI runs (template_random.jsonl) are COUNT 600, SEED 1; the
100,000 of one long run are compared by
    TROUPE_TEMPLATE_CASES=OUT test_model "[.random_templates]"
"""

import json
import random
import re
import resource
import signal
import sys
import warnings

from make_template_cases import NOW, compile_template
from template_grammar import random_context, random_template

ADDRESS = re.compile(r" at 0x[0-9a-f]+|object at|<built-in method|<class ", re.IGNORECASE)
BOUNDED = (MemoryError, RecursionError, TimeoutError)


def expire(*_):
    raise TimeoutError


def render(source, context):
    """The text, or the error; None for what cannot be compared: run-dependent text, or a bound of the machine."""
    context = json.loads(json.dumps(context))  # some filters of Jinja change what they are given
    signal.setitimer(signal.ITIMER_REAL, 2)
    try:
        text = compile_template.__wrapped__(source).render(
            messages=context["messages"], tools=context["tools"], add_generation_prompt=context["add_generation_prompt"],
            bos_token="<s>", eos_token="</s>", **context["variables"])
        if ADDRESS.search(text) or len(text) > 4000:
            return None
        text.encode()
        return {"output": text}
    except BOUNDED:
        return None
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"[:200]}
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def main():
    count, seed, out = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGALRM, expire)
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    rng = random.Random(seed)
    contexts = [random_context(rng) for _ in range(max(10, min(400, count // 20)))]
    made = errors = 0
    with open(out, "w") as file:
        file.write(json.dumps({"now": NOW, "contexts": contexts}) + "\n")
        while made < count:
            context = rng.randrange(len(contexts))
            source = random_template(rng)
            expected = render(source, contexts[context])
            if expected is None:
                continue
            if ("error" in expected or not expected["output"]) and rng.random() < 0.7:  # those show little
                continue
            made += 1
            errors += "error" in expected
            file.write(json.dumps({"context": context, "template": source, **expected}) + "\n")
    print(f"{made} cases, {errors} of them errors")


if __name__ == "__main__":
    main()
