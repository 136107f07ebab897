// Scripts that the page may start: its own workers and service worker, by the names that the build gave.

interface Policy { createScriptURL(url: string): string }
declare global {
  interface Window { trustedTypes?: { createPolicy(name: string, rules: Policy): Policy } }
}

const allowed = /^\/(assets\/(worker|scan)-[\w-]+\.js|service-worker\.js)$/;

const rules: Policy = {
  createScriptURL(url) {
    const at = new URL(url, location.origin);
    if (at.origin !== location.origin || !allowed.test(at.pathname)) throw new TypeError("not a script of this page");
    return at.href;
  },
};

const policy = window.trustedTypes?.createPolicy("denizen", rules) ?? rules;

/** A script's address, if it is one of the page's own. */
export const scriptUrl = (url: string): string => policy.createScriptURL(url);
