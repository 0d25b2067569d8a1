/** What the server offers. */

/** Why it did not say. `isKey`: a key is needed, or another one. */
export class RefusedError extends Error {
  constructor(message, isKey) {
    super(message);
    this.isKey = isKey;
  }
}

/** @param {string} key API key, or "" @returns {Promise<object>} GetCapabilitiesResponse as JSON. Throws RefusedError. */
export async function fetchCapabilities(key) {
  let response;
  try {
    response = await fetch("v1/capabilities", { headers: key ? { Authorization: `Bearer ${key}` } : {} });
  } catch (error) {
    const bad = error instanceof TypeError && /[^\x21-\x7e]/.test(key);
    throw new RefusedError(bad ? "A key has no such characters: copy it again." : "The server cannot be reached.", bad);
  }
  if (response.ok) return response.json();
  const told = await response.json().catch(() => ({}));
  const isKey = response.status === 401 || response.status === 403;
  const wanted = "This server wants an API key.";
  throw new RefusedError(isKey && !key ? wanted : (told.error?.message ?? `The server answered ${response.status}.`), isKey);
}
