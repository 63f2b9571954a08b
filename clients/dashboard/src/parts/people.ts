import { useEffect } from "preact/hooks";
import { currentSession, may } from "../api/session";
import { clientOf } from "../api/transport";
import { UserService } from "../gen/shodhana/api/identity/v1/identity_pb";
import { createStore, useStore } from "../store";

const users = clientOf(UserService);
const found = createStore<ReadonlyMap<string, string>>(new Map());
const asked = new Set<string>();
const MOST = 100;

/** Says who "users/12" is; one who is not known yet, or not to this reader, stays as he is written. */
export function useNames(subjects: readonly string[]): (subject: string) => string {
  const names = useStore(found);
  const me = currentSession();
  useEffect(() => void ask(subjects), [subjects.join()]);
  return (subject) => (subject === me?.user ? `${me.displayName} (you)` : names.get(subject) || subject);
}

async function ask(subjects: readonly string[]): Promise<void> {
  const isNew = (subject: string) => subject.startsWith("users/") && !asked.has(subject);
  const names = [...new Set(subjects.filter(isNew))].slice(0, MOST);
  if (names.length === 0 || !may("reviews:read")) return;
  for (const name of names) asked.add(name);
  try {
    const { profiles } = await users.batchGetProfiles({ names });
    found.set(new Map([...found.value, ...profiles.map((one) => [one.name, one.displayName] as const)]));
  } catch {
    for (const name of names) asked.delete(name); // the next screen asks again
  }
}
