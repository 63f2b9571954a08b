import { useEffect, useState } from "preact/hooks";
import { type Failure, failureOf } from "../../api/failure";
import { currentSession } from "../../api/session";
import { clientOf } from "../../api/transport";
import { type Role, type User, UserService } from "../../gen/shodhana/api/identity/v1/identity_pb";
import { FailurePanel } from "../../parts/failure_panel";
import { announce } from "../../shell/live";
import { ago } from "../../text/times";

const users = clientOf(UserService);
const PAGE = 50;

interface Found {
  users: User[];
  next: string;
}

/** Everybody, by address; each role is a switch. */
export function Users({ roles, round }: { roles: readonly Role[]; round: number }) {
  const [found, setFound] = useState<Found>({ users: [], next: "" });
  const [failure, setFailure] = useState<Failure | null>(null);
  const load = async (pageToken: string) => {
    try {
      const page = await users.listUsers({ pageSize: PAGE, pageToken });
      setFound((old) => ({ users: [...(pageToken ? old.users : []), ...page.users], next: page.nextPageToken }));
    } catch (error) {
      setFailure(failureOf(error));
    }
  };
  useEffect(() => void load(""), [round]);
  const change = async (did: string, call: () => Promise<User | null>) => {
    setFailure(null);
    try {
      const changed = await call();
      if (changed)
        setFound((old) => ({ ...old, users: old.users.map((one) => (one.name === changed.name ? changed : one)) }));
      announce(did);
    } catch (error) {
      setFailure(failureOf(error));
    }
  };
  return (
    <>
      <FailurePanel failure={failure} />
      <ul class="people">
        {found.users.map((user) => (
          <Person key={user.name} user={user} roles={roles} change={change} />
        ))}
      </ul>
      {found.next && (
        <button type="button" onClick={() => void load(found.next)}>
          Show more
        </button>
      )}
    </>
  );
}

interface PersonProps {
  user: User;
  roles: readonly Role[];
  change: (did: string, call: () => Promise<User | null>) => Promise<void>;
}

function Person({ user, roles, change }: PersonProps) {
  const { name, email, displayName, disabled, lastLoginTime } = user;
  const isMe = currentSession()?.user === name;
  const requestId = () => crypto.randomUUID();
  const grant = (role: string, isHeld: boolean) =>
    change(`${email}: ${role} ${isHeld ? "taken" : "given"}`, () =>
      isHeld
        ? users.revokeRole({ name, role, requestId: requestId() })
        : users.grantRole({ name, role, requestId: requestId() }),
    );
  const bar = () =>
    change(`${email}: ${disabled ? "may log in" : "barred"}`, () =>
      users.updateUser({
        user: { name, disabled: !disabled },
        updateMask: { paths: ["disabled"] },
        requestId: requestId(),
      }),
    );
  const logOut = () =>
    change(`${email}: logged out everywhere`, async () => {
      await users.logOutUser({ name, requestId: requestId() });
      return null;
    });
  return (
    <li>
      <div>
        <strong>{displayName || email}</strong> {isMe && <span class="badge">you</span>}{" "}
        {disabled && <span class="badge late">barred</span>}
        <br />
        <small class="muted">
          {email} · {name} · {lastLoginTime ? `logged in ${ago(lastLoginTime)}` : "has never logged in"}
        </small>
      </div>
      <fieldset class="row switches">
        <legend class="unseen">Roles of {email}</legend>
        {roles.map(({ roleId }) => {
          const isHeld = user.roles.includes(roleId);
          return (
            <label key={roleId}>
              <input type="checkbox" checked={isHeld} onChange={() => void grant(roleId, isHeld)} /> {roleId}
            </label>
          );
        })}
      </fieldset>
      <div class="row">
        <button type="button" aria-label={`Log out ${email} everywhere`} onClick={() => void logOut()}>
          Log out
        </button>
        <button
          type="button"
          disabled={isMe}
          aria-label={`${disabled ? "Let in" : "Bar"} ${email}`}
          onClick={() => void bar()}
        >
          {disabled ? "Let in" : "Bar"}
        </button>
      </div>
    </li>
  );
}
