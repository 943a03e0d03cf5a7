// While files are held above the page, browsers say so every 0.35 s.
const OVER_MS = 1000;

/**
 * Files that are dropped anywhere, or pasted.
 *
 * @param {(files: File[]) => void} onFiles
 */
export function receiveFiles(onFiles) {
  const { classList } = document.body;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const hide = () => classList.remove('dropping');
  addEventListener('dragover', (event) => {
    if (!event.dataTransfer?.types.includes('Files')) return;
    event.preventDefault();
    classList.add('dropping');
    clearTimeout(timer);
    timer = setTimeout(hide, OVER_MS);
  });
  addEventListener('drop', (event) => {
    event.preventDefault();
    hide();
    pass(event.dataTransfer);
  });
  addEventListener('paste', (event) => pass(event.clipboardData));

  /** @param {DataTransfer | null} data */
  function pass(data) {
    const files = [...(data?.files ?? [])];
    if (files.length > 0) onFiles(files);
  }
}
