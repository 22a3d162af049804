"""Nothing in the package turns data into code: no pickle, no unsafe YAML, no eval."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = [*sorted((ROOT / "imbalance").rglob("*.py")), ROOT / "train.py", ROOT / "evaluate.py"]

# Modules that run what they read.
MODULES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
BUILTINS = {"eval", "exec", "compile", "__import__"}
# Functions that do so unless they are told not to: name to the argument that tells them.
TOLD = {
    "np.load": ("allow_pickle", False),
    "numpy.load": ("allow_pickle", False),
    "np.lib.format.write_array": ("allow_pickle", False),
    "np.lib.format.read_array": ("allow_pickle", False),
    "keras.saving.load_model": ("safe_mode", True),
    "keras.models.load_model": ("safe_mode", True),
}
FORBIDDEN = {
    "yaml.unsafe_load",
    "yaml.full_load",
    "yaml.load_all",
    "yaml.unsafe_load_all",
    "keras.config.enable_unsafe_deserialization",
    "torch.load",
    "pandas.read_pickle",
    "pd.read_pickle",
    "os.system",
    "tarfile.open",
    "shutil.unpack_archive",
}


def dangers(source: str) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [a.name for a in node.names if a.name.partition(".")[0] in MODULES]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [node.module] if node.module.partition(".")[0] in MODULES else []
        elif isinstance(node, ast.Call):
            found += [*_of_call(ast.unparse(node.func), node)]
    return found


def _of_call(name: str, node: ast.Call):
    given = {each.arg: ast.unparse(each.value) for each in node.keywords}
    argument, value = TOLD.get(name, (None, None))
    loader = name == "yaml.load" and given.get("Loader") != "_StrictLoader"
    told = argument is None or given.get(argument) == repr(value)
    shell = given.get("shell") == "True"
    unpacks = name.rpartition(".")[2] in ("extractall", "extract", "KeyedVectors.load")
    if name in BUILTINS | FORBIDDEN or loader or shell or unpacks or not told:
        yield name


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_data_never_becomes_code(path):
    assert dangers(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from joblib import load",
        "eval('1')",
        "yaml.load(text)",
        "yaml.load(text, Loader=yaml.Loader)",
        "np.load(path)",
        "np.load(path, allow_pickle=True)",
        "keras.saving.load_model(path)",
        "keras.saving.load_model(path, safe_mode=False)",
        "subprocess.run(text, shell=True)",
        "archive.extractall(folder)",
    ],
)
def test_what_the_test_looks_for_is_found(source):
    assert dangers(source)


def test_the_loader_of_yaml_is_a_safe_one():
    import yaml

    from imbalance.config import yaml_files

    assert issubclass(yaml_files._StrictLoader, yaml.SafeLoader)
    tags = [tag or "" for tag in yaml_files._StrictLoader.yaml_constructors]
    assert not [tag for tag in tags if "python" in tag]
    assert not yaml_files._StrictLoader.yaml_multi_constructors
