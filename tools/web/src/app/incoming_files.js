/**
 * Files that are dropped anywhere, or pasted.
 *
 * @param {(files: File[]) => void} onFiles
 */
export function receiveFiles(onFiles) {
  const { classList } = document.body;
  // Of each element that is entered another one is left.
  let depth = 0;
  addEventListener('dragenter', (event) => {
    if (event.dataTransfer?.types.includes('Files')) classList.toggle('dropping', ++depth > 0);
  });
  addEventListener('dragleave', (event) => {
    if (event.dataTransfer?.types.includes('Files')) classList.toggle('dropping', --depth > 0);
  });
  addEventListener('dragover', (event) => event.preventDefault());
  addEventListener('drop', (event) => {
    event.preventDefault();
    depth = 0;
    classList.remove('dropping');
    pass(event.dataTransfer);
  });
  addEventListener('paste', (event) => pass(event.clipboardData));

  /** @param {DataTransfer | null} data */
  function pass(data) {
    const files = [...(data?.files ?? [])];
    if (files.length > 0) onFiles(files);
  }
}
