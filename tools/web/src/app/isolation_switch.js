import { AppError } from './app_error.js';
import { reloadWithUsualThreads } from './settings.js';
import { TEXTS } from './texts.js';

/** Whether a service worker can isolate this page, so that it may use several threads. */
export const canIsolate = () => !self.crossOriginIsolated && 'serviceWorker' in navigator;

/** Whether ours has done so. */
export const isIsolatedByUs = () =>
  self.crossOriginIsolated && Boolean(navigator.serviceWorker?.controller);

/** Installs the service worker, and reloads the page. */
export async function isolate() {
  try {
    await navigator.serviceWorker.register('isolation.js');
    await navigator.serviceWorker.ready;
    if (!navigator.serviceWorker.controller) {
      await new Promise((resolve) =>
        navigator.serviceWorker.addEventListener('controllerchange', resolve, { once: true }),
      );
    }
  } catch (cause) {
    throw new AppError(`${TEXTS.isolationFailed}: ${cause}`, TEXTS.isolationFailedAdvice, {
      cause,
    });
  }
  reloadWithUsualThreads();
}

/** Removes the service worker, and reloads the page. */
export async function endIsolation() {
  const registration = await navigator.serviceWorker.getRegistration();
  await registration?.unregister();
  reloadWithUsualThreads();
}
