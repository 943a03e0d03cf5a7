/**
 * @param {string} id of an element of index.html
 * @returns {HTMLElement}
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`Expected #${id} in the page`);
  return element;
}

/**
 * Makes an element. Properties with a dash are attributes, those that begin with `on` listeners.
 *
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, any>} [properties]
 * @param {...(Node | string | null | false)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined) continue;
    if (key.startsWith('on')) element.addEventListener(key.slice(2), value);
    else if (key.includes('-') || key === 'role') element.setAttribute(key, value);
    else Object.assign(element, { [key]: value });
  }
  element.append(...present(children));
  return element;
}

/**
 * Replaces what is in an element. Who was at a button there with the keyboard stays there.
 *
 * @param {string} id
 * @param {...(Node | string | null | false)} children
 */
export function fill(id, ...children) {
  const area = byId(id);
  const focused = area.contains(document.activeElement) ? document.activeElement : null;
  area.replaceChildren(...present(children));
  if (focused === null || focused.isConnected) return;
  const successor = focused.id === '' ? null : document.getElementById(focused.id);
  const target = successor ?? area.querySelector('button') ?? area;
  if (target === area) area.tabIndex = -1;
  target.focus({ preventScroll: true });
}

/** @param {(Node | string | null | false)[]} children */
function present(children) {
  return children.filter((child) => child !== null && child !== false);
}

/**
 * Terms and what they are, side by side.
 *
 * @param {[string, string | Node][]} pairs
 */
export function facts(pairs) {
  return h(
    'dl',
    { className: 'facts' },
    ...pairs.map(([term, value]) => h('div', {}, h('dt', {}, term), h('dd', {}, value))),
  );
}
