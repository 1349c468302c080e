// The signed-in user.
import { ApiError, ask } from "./api.js";

let asked;

// session returns the node's name, whether a user is signed in and which one. locked means that
// guests see nothing.
export function session() {
  asked ??= ask("/api/session/").then(async (who) => {
    who.superuser = Boolean(who.user?.is_superuser);
    if (!who.signed_in) who.locked = await isLocked();
    return who;
  });
  return asked;
}

async function isLocked() {
  try {
    await ask("/api/");
    return false;
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return true;
    throw error;
  }
}

export const signIn = (username, password) => ask("/api/session/", { method: "POST", json: { username, password } });
export const signOut = () => ask("/api/session/", { method: "DELETE" });
