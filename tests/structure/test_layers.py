"""Who may import whom: read from every import in every file, wherever in the file it stands."""

import ast
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

# The parts of the core from the bottom up. A part imports its own level and those below.
LEVELS = (
    ("errors", "folders", "locking", "replacing", "spans"),
    ("decoding", "loudness", "setting_kinds", "settings", "settings_file", "sources"),
    ("clip", "clip_reading", "clip_store"),
    ("answer", "content_blocks", "conversation", "subtitles", "transcript"),
    (
        "export",
        "inspection",
        "parts",
        "plotting",
        "preambles",
        "quoting",
        "seams",
        "tasks",
        "windows",
    ),
    ("engines",),
    (
        *("addressing", "asking", "async_asking", "conversing", "deadlines", "gathering"),
        *("long_audio", "notes", "passages", "reducing", "stopping", "structured"),
        *("token_counts", "verbatim"),
    ),
    ("agents", "archive", "evaluation", "serving"),
    ("testing",),
)
LEVEL = {part: level for level, parts in enumerate(LEVELS) for part in parts}

# Above the engines only these are known: the tables of names, and what engines,
# embedders and rerankers are.
SEAM = {
    *("qwen_audio_tools.engines", "qwen_audio_tools.engines.base"),
    *("qwen_audio_tools.engines.embedding", "qwen_audio_tools.engines.reranking"),
}
ABOVE_THE_SEAM = {
    *("addressing", "asking", "async_asking", "conversing", "deadlines", "gathering"),
    *("long_audio", "notes", "passages", "reducing", "stopping", "structured"),
    *("token_counts", "verbatim"),
    *("agents", "archive", "evaluation", "serving"),
}

# Third parties by folder; the longest folder that fits decides. All else is the standard library.
CORE = {"qwen_audio_tools", "numpy"}
AUDIO = {"av", "pydub", "soundfile", "soxr"}
THIRD_PARTIES = {
    "qwen_audio_tools": CORE | AUDIO | {"matplotlib"},
    "qwen_audio_tools/archive": CORE | {"feedparser", "lancedb", "pyarrow", "ray"},
    "qwen_audio_tools/engines": CORE,
    "qwen_audio_tools/engines/embedded": CORE
    | {"ctranslate2", "faster_whisper", "onnxruntime", "sentencepiece", "tokenizers"}
    | {"vaderSentiment"},
    "qwen_audio_tools/engines/server": CORE | {"httpx2"},
    "qwen_audio_tools/engines/transformers": CORE
    | {"bitsandbytes", "huggingface_hub", "llguidance", "modelscope", "tokenizers", "torch"}
    | {"transformers"},
    "qwen_audio_tools/serving/http": CORE | {"prometheus_client", "starlette", "uvicorn"},
    "qwen_audio_tools/serving": CORE,
    "qwen_audio_tools/serving/mcp": CORE | {"anyio", "mcp", "mcp_types", "uvicorn"},
    "qwen_audio_tools/testing": CORE
    | AUDIO
    | {"espeakng_loader", "tokenizers", "torch", "transformers"},
    "cli/qwa": {"numpy", "qwa", "qwen_audio_tools", "sounddevice", "typer"},
    "integrations/langchain_qwen_audio": {
        *("langchain", "langchain_core", "langchain_qwen_audio", "pydantic"),
        "qwen_audio_tools",
    },
    "integrations/llama_index": {"llama_index", "llama_index_instrumentation", "qwen_audio_tools"},
    "integrations/llama_index/vector_stores": {
        *("lancedb", "llama_index", "pyarrow", "qwen_audio_tools"),
    },
}


def _imports(path: Path) -> set[str]:
    """Return the dotted names of all that the file imports while it runs."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for statement in node.body
        for inner in ast.walk(statement)
    }
    found: set[str] = set()
    for node in set(ast.walk(tree)) - typing_only:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}:{node.lineno}: imports are absolute here"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _module(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


@pytest.fixture(scope="module")
def core(root, sources) -> dict[str, set[str]]:
    """Every module of the core, and the modules of the core that it imports."""
    paths = {_module(path, root): path for path in sources if _is_core(path, root)}

    def modules(name: str) -> set[str]:
        # "a.b.Name" may be a module, or a name in the module a.b.
        return {name} & set(paths) or {name.rpartition(".")[0]} & set(paths)

    return {
        module: {known for name in _imports(path) for known in modules(name)} - {module}
        for module, path in paths.items()
    }


def _is_core(path: Path, root: Path) -> bool:
    return path.relative_to(root).parts[0] == "qwen_audio_tools"


def _part(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def _may_import(path: str) -> set[str]:
    return THIRD_PARTIES[
        max((folder for folder in THIRD_PARTIES if path.startswith(folder)), key=len)
    ]


def test_each_folder_imports_only_the_packages_it_is_allowed(root, sources):
    strangers = [
        f"{place} imports {name}"
        for path in sources
        for place in [path.relative_to(root).as_posix()]
        for name in sorted({name.partition(".")[0] for name in _imports(path)})
        if name not in sys.stdlib_module_names and name not in _may_import(place)
    ]
    assert strangers == []


def test_every_part_of_the_core_has_a_level(core):
    assert sorted({_part(module) for module in core} - {""} - set(LEVEL)) == []


def test_inside_the_core_imports_point_down(core):
    upward = [
        f"{module} imports {name}"
        for module, names in core.items()
        for name in sorted(names)
        if LEVEL.get(_part(name), 0) > LEVEL.get(_part(module), len(LEVELS))
    ]
    assert upward == []


def test_no_two_modules_of_the_core_need_each_other(core):
    # A package's __init__ is reached by importing anything in it: it is no part of a cycle.
    try:
        TopologicalSorter(core).prepare()
    except CycleError as error:
        pytest.fail(f"these import each other: {' -> '.join(error.args[1])}")


def test_the_core_imports_from_homes_and_not_from_the_front_door(core):
    assert [module for module, names in core.items() if "qwen_audio_tools" in names] == []


def test_above_the_seam_no_engine_is_known(core):
    known = [
        f"{module} imports {name}"
        for module, names in core.items()
        for name in sorted(names)
        if _part(module) in ABOVE_THE_SEAM and _part(name) == "engines" and name not in SEAM
    ]
    assert known == []


def test_no_engine_knows_another(core, root):
    engines = {path.parent.name for path in (root / "qwen_audio_tools/engines").glob("*/*.py")}

    def engine(module: str) -> str:
        # Each has a folder of its own; the files beside them are for all.
        names = module.split(".")[1:3]
        return names[1] if names[:1] == ["engines"] and names[-1] in engines else ""

    crossed = [
        f"{module} imports {name}"
        for module, names in core.items()
        for name in sorted(names)
        if engine(name) not in {"", engine(module)} and engine(module)
    ]
    assert crossed == []


def test_no_folder_of_the_llama_index_namespace_has_an_init_file(root):
    llama_index = root / "integrations" / "llama_index"
    inits = {*llama_index.glob("__init__.py"), *llama_index.glob("*/__init__.py")}
    assert inits == set()


def test_only_doctor_uses_the_testing_module(root, sources):
    users = {
        path.relative_to(root).as_posix()
        for path in sources
        if any(name.startswith("qwen_audio_tools.testing") for name in _imports(path))
        and "qwen_audio_tools/testing" not in path.as_posix()
    }
    assert users <= {"cli/qwa/doctor.py"}
