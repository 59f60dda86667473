"""Every error text of AI commands, in one place. Facts: RedisAI 1.2's replies, which lack a code here and there."""

from __future__ import annotations

BLOCKING_REFUSED = "ERR Cannot run RedisAI command within a transaction or a LUA script"

# backends and their runs
BATCH_SIZE_MISMATCH = "ERR Model did not generate the expected batch size"
ONNX_NO_CUDA = "ERR GPU requested but ONNX couldn't find CUDA"
ONNX_EXTERNAL_DATA = "Initializer tensors with external data is not allowed."
ONNX_MEMORY_LIMIT = "Onnxruntime memory limit exceeded, memory allocation failed."
ONNX_MEMORY_LIMIT_AT_CREATION = f"Exception during initialization: {ONNX_MEMORY_LIMIT}"

TF_BATCH_SIZE_MISMATCH = "ERR Tensorflow batching error: model did not generate the expected batch size"
TF_NO_CUDA = "ERR GPU requested but TF couldn't find CUDA"
TF_INVALID_GRAPH = "Invalid GraphDef"
TFLITE_NO_GPU = "ERR GPU requested but TFLITE runs on the CPU only"
TFLITE_BAD_MODEL = "Failed to load model from buffer"
TFLITE_NO_INTERPRETER = "Failed to construct interpreter"
TFLITE_ALLOCATE = "Failed to allocate tensors"
TFLITE_INVOKE = "Failed to invoke TfLite"
TFLITE_DTYPE = "Input tensor type doesn't match the type expected by the model definition"
TFLITE_UNSUPPORTED_INPUT = "Unsupported input data type"
TFLITE_UNSUPPORTED_OUTPUT = "Unsupported output data type"
INPUT_COUNT_INCONSISTENT = "Inconsistent number of inputs"


def warmup_failed(text: str) -> str:
    """MODELSTORE: a run on zeros failed."""
    return f"ERR WARMUP failed: {text.removeprefix('ERR ')}"


def tf_no_input(name: str) -> str:
    """MODELSTORE of a TF graph: INPUTS names no placeholder of it."""
    return f'ERR Input node named "{name}" not found in TF graph.'


def tf_no_output(name: str) -> str:
    """MODELSTORE of a TF graph: OUTPUTS names no node of it."""
    return f'ERR Output node named "{name}" not found in TF graph'


# tensors
TENSOR_KEY_EMPTY = "ERR tensor key is empty or in a different shard"
INVALID_DTYPE = "ERR invalid data type"
INVALID_SHAPE = "ERR invalid or negative value found in tensor shape"
ONE_BLOB = "ERR a single binary string should come after the BLOB argument in 'AI.TENSORSET' command"
VALUES_COUNT = "ERR wrong number of values was given in 'AI.TENSORSET' command"
BLOB_LENGTH = "ERR data length does not match tensor shape and type"
STRING_COUNT = "ERR Number of string elements in data blob does not match tensor length"
NULL_IN_STRING = "ERR C-string value contains null character"
BOOL_BYTES = "ERR BOOL tensor elements must be 0 or 1"
INVALID_VALUE = "ERR invalid value"
TENSOR_TOO_LARGE = "ERR tensor does not fit into memory"
UNSUPPORTED_FORMAT = "ERR unsupported data format"
BLOB_AND_VALUES = "ERR both BLOB and VALUES specified"
TENSORSET_ARITY = "wrong number of arguments for 'AI.TENSORSET' command"
TENSORGET_ARITY = "wrong number of arguments for 'AI.TENSORGET' command"

# AI.CONFIG
UNSUPPORTED_SUBCOMMAND = "ERR unsupported subcommand"
_VALUE_NAMES = {"MODEL_CHUNK_SIZE": "chunk size", "BACKENDSPATH": "path argument"}
LOADBACKEND_FAILED = "ERR error loading backend"

# models
MODEL_KEY_EMPTY = "ERR model key is empty"
NO_RUN_INFO = "ERR cannot find run info for key"
UNSUPPORTED_BACKEND = "ERR unsupported backend"
INVALID_DEVICE = "ERR Invalid DEVICE"
MINBATCHSIZE_ALONE = "ERR MINBATCHSIZE specified without BATCHSIZE"
MINBATCHTIMEOUT_ALONE = "ERR MINBATCHTIMEOUT specified without MINBATCHSIZE"
WARMUP_NO_SHAPES = "ERR WARMUP needs a model that declares the shapes of its inputs; run this one once instead"
WARMUP_BAD_COUNT = "ERR WARMUP takes a number of runs from 1 to 100"
NO_MODEL_BLOB = "ERR Insufficient arguments, missing model BLOB"
EXPECTED_BLOB = "ERR Invalid argument, expected BLOB"
INPUTS_REFUSED = "ERR INPUTS argument should not be specified for this backend"
TF_NEEDS_INPUTS = "ERR INPUTS not specified for TF"
TF_NEEDS_OUTPUTS = "ERR OUTPUTS not specified for TF"
MODEL_INPUTS_SHORT = "ERR number of model inputs does not match the number of given arguments"
MODEL_OUTPUTS_SHORT = "ERR number of model outputs does not match the number of given arguments"
INVALID_INPUT_COUNT = "ERR Invalid argument for input_count"
INVALID_OUTPUT_COUNT = "ERR Invalid argument for output_count"

# runs
MODELEXECUTE_ARITY = "ERR wrong number of arguments for 'AI.MODELEXECUTE' command"
NO_INPUTS = "ERR INPUTS not specified"
NO_OUTPUTS = "ERR OUTPUTS not specified"
INPUT_COUNT_POSITIVE = "ERR Input count must be a positive integer"
OUTPUT_COUNT_POSITIVE = "ERR Output count must be a positive integer"
INPUTS_MISMATCH = "Number of keys given as INPUTS here does not match model definition"
OUTPUTS_MISMATCH = "Number of keys given as OUTPUTS here does not match model definition"
INPUT_KEYS_SHORT = "ERR number of input keys to AI.MODELEXECUTE command does not match the number of given arguments"
OUTPUT_KEYS_SHORT = "ERR number of output keys to AI.MODELEXECUTE command does not match the number of given arguments"
NO_TIMEOUT_VALUE = "ERR No value provided for TIMEOUT"
INVALID_TIMEOUT = "ERR Invalid value for TIMEOUT"


def internal_error(error: BaseException) -> str:
    """The reply when a run or a backend raised what nobody expected."""
    return f"ERR {type(error).__name__}: {error}"


def invalid_option_value(option: str) -> str:
    """The reply to a value of a batch option that is no count."""
    return f"ERR Invalid argument for {option}"


def invalid_argument(word: bytes) -> str:
    """The reply to a word that no option begins with; it ends at a null byte, as a C string does."""
    shown = word.partition(b"\0")[0].decode("utf-8", "surrogateescape")
    return f"Invalid argument: {shown}"


TORCH_UINT16 = "Unsupported kUInt bits 16"
TORCH_STRING = "Unsupported code 7"
TORCH_NO_CUDA = "GPU requested but Torch couldn't find CUDA"
SCRIPT_NO_BRIDGE = "redis and redisAI can be used by AI.SCRIPTEXECUTE and AI.SCRIPTRUN only"
SCRIPT_NOT_A_LIST = "redis.asList was given a value that is no list"


def torch_dtype(name: str) -> str:
    """A result whose data type has no name here."""
    return f"Unsupported data type of a Torch result: {name}"


def files_refused(operator: str) -> str:
    """A script or model that reaches for files."""
    return f"{operator} is refused: models and scripts have no access to the server's files"


def script_no_function(name: str) -> str:
    """AI.SCRIPTEXECUTE of a function that the source lacks."""
    return f"Function does not exist: {name}"


def script_entry_point_missing(name: str) -> str:
    """An entry point that the source lacks."""
    return f"Function {name} does not exist in the given script."


def script_entry_point_arity(name: str, count: int) -> str:
    """An entry point that takes another number of arguments than three."""
    return f"Wrong number of inputs in function {name}. Expected 3 but was {count}"


def script_entry_point_types(name: str) -> str:
    """An entry point whose arguments have other types."""
    return (
        f"Wrong inputs type in function {name}. Expected signature similar to: "
        f"def {name}(tensors: List[Tensor], keys: List[str], args: List[str])"
    )


def script_too_few_inputs(name: str) -> str:
    """A function without entry point, called with too few tensors."""
    return f"Wrong number of inputs provided to function: {name}"


def script_bad_argument(name: str) -> str:
    """A function without entry point that takes something else than tensors."""
    return f"Unsupported input type in function definition: {name}"


def script_no_tensors(name: str) -> str:
    """A result that is no tensor."""
    return f"Function returned non-tensor values{name}"


def script_output_count(name: str) -> str:
    """Another number of results than OUTPUTS names."""
    return f"Function returned unexpected number of outputs - {name}"


def set_at_start(option: str) -> str:
    """The reply to AI.CONFIG for an option that running threads and sessions already depend on."""
    return f"ERR {option}: can only be set at start, as an argument of loadmodule"


def use_loadbackend(option: str) -> str:
    """The reply to AI.CONFIG for a backend's name."""
    return f"ERR {option}: use AI.CONFIG LOADBACKEND {option} path"


# DAGs
DAG_EMPTY = "ERR DAG is empty"
DAG_UNSUPPORTED = "Unsupported command within DAG"
DAG_NO_SECTION = (
    "ERR AI.DAGEXECUTE and AI.DAGEXECUTE_RO commands must contain at least one out of ROUTING, LOAD, PERSIST keywords"
)
DAG_NO_INPUT = "ERR INPUT key cannot be found in DAG"
DAG_NO_PERSIST = "ERR PERSIST key cannot be found in DAG"
DAG_NO_ROUTING = "ERR Missing ROUTING value"
DAG_PERSIST_UNIQUE = "ERR PERSIST keys must be unique"
DAG_LOAD_SHORT = "ERR number of keys to LOAD into DAG does not match the number of given arguments"
DAG_PERSIST_SHORT = "ERR number of keys to PERSIST after DAG execution does not match the number of given arguments"
DAG_RO_PERSIST = "ERR PERSIST cannot be specified in a read-only DAG"
DAG_RO_SCRIPT = "ERR AI.SCRIPTEXECUTE command cannot be specified in a read-only DAG"
DAG_STEP_TIMEOUT = "ERR TIMEOUT not allowed within a DAG command"
DAG_NOT_A_TENSOR = "ERR an input of this step is an output that is no tensor"


def dag_arity(name: str) -> str:
    """A DAG command with too few arguments; `name` in upper case."""
    return f"ERR missing arguments for '{name}' command"


def dag_unexpected(word: bytes) -> str:
    """A word that no section begins with."""
    return f"ERR Invalid DAG command. Unexpected argument:  {word.decode('utf-8', 'surrogateescape')}"


def dag_section_short(section: str) -> str:
    """LOAD or PERSIST with nothing after it."""
    return f"ERR missing arguments after {section} keyword in DAG command"


def dag_section_count(section: str) -> str:
    """LOAD or PERSIST with a count that is no positive number."""
    return f"ERR invalid or negative value found in number of keys to {section}"


def deprecated_in_dag(name: str) -> str:
    """A deprecated command as a step of AI.DAGEXECUTE."""
    return f"Deprecated {name} cannot be used in AI.DAGEXECUTE command"


# scripts
SCRIPT_KEY_EMPTY = "ERR script key is empty"
NO_ENTRY_POINTS = "ERR Insufficient arguments, missing script entry points"
ENTRY_POINTS_NOT_NUMERIC = "ERR Non numeric entry points number provided to AI.SCRIPTSTORE command"
NO_SCRIPT_SOURCE = "ERR Insufficient arguments, missing script SOURCE"
SCRIPTEXECUTE_ARITY = "ERR wrong number of arguments for 'AI.SCRIPTEXECUTE' command"
SCRIPT_FIRST_SCOPE = "ERR KEYS or INPUTS scope must be provided first for AI.SCRIPTEXECUTE command"
SCRIPT_NO_TIMEOUT_VALUE = "ERR No value provided for TIMEOUT in AI.SCRIPTEXECUTE"
SCRIPT_PARSING = "ERR Encountered problem parsing AI.SCRIPTEXECUTE"
SCRIPT_ARGUMENTS = "ERR Invalid arguments provided to AI.SCRIPTEXECUTE"
SCRIPT_KEYS_MISSING = "ERR Missing arguments after KEYS keyword"
SCRIPT_KEYS_COUNT = "ERR Invalid or negative value found in number of KEYS"
SCRIPT_KEYS_SHORT = (
    "ERR Number of pre declared KEYS to be used in the command does not match the number of given arguments"
)


def script_scope_twice(scope: str) -> str:
    """A scope of AI.SCRIPTEXECUTE given again."""
    return f"ERR Already Encountered {scope} scope in AI.SCRIPTEXECUTE command"


def script_unexpected(word: bytes) -> str:
    """A word that begins no scope; it ends at a null byte, as a C string does."""
    shown = word.partition(b"\0")[0].decode("utf-8", "surrogateescape")
    return f"ERR Invalid AI.SCRIPTEXECUTE command. Unexpected argument: {shown}"


def script_count(scope: str) -> str:
    """A scope's count that is no number."""
    return f"ERR Invalid argument for {scope} count in AI.SCRIPTEXECUTE"


def script_short(items: str) -> str:
    """A scope with fewer items than its count says."""
    return f"ERR number of {items} to AI.SCRIPTEXECUTE command does not match the number of given arguments"


MONITOR_NO_CONNECTION = "ERR MONITOR isn't allowed for DENY BLOCKING client"
RESET_NO_CONNECTION = "ERR can only reset normal client connections"


def no_connection(command: str) -> str:
    """A command inside a script that would wait on a client's connection, and there is none."""
    return f"ERR {command.upper()} isn't allowed for a DENY BLOCKING client"


def script_command_error(text: str) -> str:
    """A Redis command inside a script that answered an error."""
    return f"Redis command returned an error: {text}"


TORCH_INTER_OP = "Cannot set number of inter-op threads after parallel work has started"


# deprecated commands
MODELRUN_ARITY = "ERR wrong number of arguments for 'AI.MODELRUN' command"
SCRIPTRUN_ARITY = "ERR wrong number of arguments for 'AI.SCRIPTRUN' command"
UNSUPPORTED_DEVICE = "ERR unsupported device"
TFLITE_NO_BATCHING = "ERR Auto-batching not supported by the TFLITE backend"
MINBATCHTIMEOUT_NO_BATCHSIZE = "ERR MINBATCHTIMEOUT specified without BATCHSIZE"
MODELSET_NO_NAMES = "ERR Insufficient arguments, INPUTS and OUTPUTS not specified"
SCRIPTRUN_TIMEOUT_TWICE = "ERR Already encountered an TIMEOUT section in SCRIPTRUN"
SCRIPTRUN_INPUTS_AGAIN = "ERR Already encountered an INPUTS section in SCRIPTRUN"
SCRIPTRUN_INPUTS_TWICE = "ERR Already encountered an INPUTS keyword in SCRIPTRUN"
SCRIPTRUN_OUTPUTS_TWICE = "ERR Already encountered an OUTPUTS keyword in SCRIPTRUN"
SCRIPTRUN_LIST_OUTSIDE = "ERR Encountered a variable size list of tensors outside of input section"
SCRIPTRUN_LIST_TWICE = "ERR Already encountered a variable size list of tensors"
SCRIPTRUN_UNKNOWN = "ERR Unrecongnized parameter to SCRIPTRUN"


def dagrun_arity(name: str) -> str:
    """A deprecated DAG command with too few arguments; `name` in upper case."""
    return f"ERR wrong number of arguments for '{name}' command"


def successor_in_dagrun(name: str) -> str:
    """A command of today as a step of the deprecated AI.DAGRUN."""
    return f"{name} cannot be used in a deprecated AI.DAGRUN command"


def missing_value(option: str) -> str:
    """The reply to AI.CONFIG with an option and no value for it."""
    return f"ERR {option}: missing {_VALUE_NAMES.get(option, 'value')}"


def invalid_value(option: str) -> str:
    """The reply to AI.CONFIG with a value that the option does not take."""
    return f"ERR {option}: invalid {_VALUE_NAMES.get(option, 'value')}"
