import { Demo } from './demo.js';
import { receiveFiles } from './incoming_files.js';
import { readSettings } from './settings.js';
import { showError } from './views/errors_view.js';

const demo = new Demo(readSettings());
receiveFiles((files) => demo.openFiles(files));
demo.begin().catch((error) => showError(error));
