import { attempt } from './attempt.js';
import { Demo } from './demo.js';
import { receiveFiles } from './incoming_files.js';
import { readSettings } from './settings.js';

attempt(async () => {
  const demo = new Demo(readSettings());
  receiveFiles((files) => demo.openFiles(files));
  await demo.begin();
});
