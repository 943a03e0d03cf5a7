"""`python -m keras_mobilevit`, where the command is not on the path."""

import sys

from keras_mobilevit.cli.main import main

sys.exit(main())
