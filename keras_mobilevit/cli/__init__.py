"""The command `keras-mobilevit`: one module a subcommand.

Each has `HELP`, a line for the list of commands; `add_arguments(parser)`; and
`run(arguments)`, which returns the exit status. Its docstring is what `--help`
says. Keras, TensorFlow and NumPy are imported in `run` at the earliest, so that
`--help` does not wait for them.
"""
