import { useState } from "preact/hooks";
import { type Failure, failureOf } from "../../api/failure";
import { clientOf } from "../../api/transport";
import { type Role, UserService } from "../../gen/shodhana/api/identity/v1/identity_pb";
import { FailurePanel } from "../../parts/failure_panel";
import { announce } from "../../shell/live";

const users = clientOf(UserService);

/** Adds a person before they log in for the first time. */
export function NewUser({ roles, onAdded }: { roles: readonly Role[]; onAdded: () => void }) {
  const [email, setEmail] = useState("");
  const [role, setRole] = useState("");
  const [failure, setFailure] = useState<Failure | null>(null);
  const [requestId, setRequestId] = useState(() => crypto.randomUUID());
  const add = async (event: Event) => {
    event.preventDefault();
    setFailure(null);
    try {
      await users.createUser({ user: { email: email.trim(), roles: role ? [role] : [] }, requestId });
      announce(`${email} added`);
      setEmail("");
      setRequestId(crypto.randomUUID());
      onAdded();
    } catch (error) {
      setFailure(failureOf(error));
    }
  };
  return (
    <form class="stack" onSubmit={(event) => void add(event)}>
      <h3>Add a person</h3>
      <div class="row end">
        <label class="field">
          E-mail address, as the provider knows it
          <input
            type="email"
            required
            maxLength={254}
            value={email}
            onInput={(event) => setEmail(event.currentTarget.value)}
          />
        </label>
        <label class="field">
          Role
          <select value={role} onChange={(event) => setRole(event.currentTarget.value)}>
            <option value="">none yet</option>
            {roles.map(({ roleId }) => (
              <option key={roleId}>{roleId}</option>
            ))}
          </select>
        </label>
        <button type="submit">Add</button>
      </div>
      <FailurePanel failure={failure} />
    </form>
  );
}
