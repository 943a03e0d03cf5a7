// A service worker that lets the page use several threads on hosts that do not send the headers
// for it. It only adds them; nothing is kept.
const scope = /** @type {any} */ (self);

scope.addEventListener('install', () => scope.skipWaiting());
scope.addEventListener('activate', (/** @type {any} */ event) =>
  event.waitUntil(scope.clients.claim()),
);
scope.addEventListener('fetch', (/** @type {any} */ event) => {
  if (new URL(event.request.url).origin === self.location.origin) {
    event.respondWith(isolated(event.request));
  }
});

/** @param {Request} request */
async function isolated(request) {
  const response = await fetch(request);
  if (response.status === 0) return response;
  const headers = new Headers(response.headers);
  headers.set('Cross-Origin-Opener-Policy', 'same-origin');
  headers.set('Cross-Origin-Embedder-Policy', 'require-corp');
  const { status, statusText } = response;
  // These must have no body, not even an empty one.
  const body = [204, 205, 304].includes(status) ? null : response.body;
  return new Response(body, { status, statusText, headers });
}
