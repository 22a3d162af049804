"""What settings may be: names of tasks, formats, schedules and scores."""

# Stands in a text between the two texts of a pair, and between a question and its text.
PAIR_SEPARATOR = "\x1f"
TASKS = ("classification", "tagging", "span", "reading")
PRECISIONS = ("auto", "float32", "mixed_float16", "mixed_bfloat16")
OPTIMIZERS = ("adam", "lazy_adam")
CLASS_WEIGHTS = ("none", "balanced", "effective")
SAMPLINGS = ("instance", "square_root", "class_balanced", "effective_number")
SCHEDULES = ("constant", "cosine")
PRETRAININGS = ("none", "skip_gram")
TABLES = ("auto", "none", "float32", "float16")
FORMATS = ("auto", "csv", "tsv", "jsonl", "parquet", "lines", "blank_lines", "folders")
# Of texts in which spans are marked.
SPAN_FORMATS = ("auto", "cluener", "conll", "conllu", "words", "squad")
# Corpora that need no file of the user's: of labelled texts, and of texts with spans.
EMBEDDED = ("reviews", "people_daily")
SCHEMES = ("bio", "bioes", "words")
_OF_CLASSES = (
    "val_loss",
    "val_accuracy",
    "val_balanced_accuracy",
    "val_macro_f1",
    "val_weighted_f1",
    "val_geometric_mean",
    "val_mcc",
)
MONITORS_OF_TASK = {
    "classification": (*_OF_CLASSES, "val_roc_auc", "val_pr_auc", "val_bias_auc"),
    "tagging": (*_OF_CLASSES, "val_span_f1"),
    "span": (*_OF_CLASSES, "val_span_f1"),
    "reading": ("val_loss", "val_exact_match", "val_answer_f1"),
}
MONITORS = tuple(dict.fromkeys(name for names in MONITORS_OF_TASK.values() for name in names))
# What stands for `auto`, by task.
MONITOR_OF_TASK = {
    "classification": "val_macro_f1",
    "tagging": "val_span_f1",
    "span": "val_span_f1",
    "reading": "val_answer_f1",
}
MODEL_OF_TASK = {
    "classification": "text_cnn",
    "tagging": "dilated_cnn",
    "span": "dilated_cnn",
    "reading": "reader_cnn",
}
