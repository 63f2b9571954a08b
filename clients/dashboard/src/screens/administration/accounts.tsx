import { useState } from "preact/hooks";
import { useCall } from "../../api/call";
import { type Failure, failureOf } from "../../api/failure";
import { clientOf } from "../../api/transport";
import { type Role, UserService } from "../../gen/shodhana/api/identity/v1/identity_pb";
import { Dialog } from "../../parts/dialog";
import { FailurePanel } from "../../parts/failure_panel";

const users = clientOf(UserService);

/** Service accounts; a new one's secret is shown once. */
export function Accounts({ roles }: { roles: readonly Role[] }) {
  const found = useCall((signal) => users.listServiceAccounts({ pageSize: 100 }, { signal }), []);
  const [id, setId] = useState("");
  const [role, setRole] = useState("");
  const [secret, setSecret] = useState("");
  const [removed, setRemoved] = useState("");
  const [failure, setFailure] = useState<Failure | null>(null);
  const guarded = async (call: () => Promise<unknown>) => {
    setFailure(null);
    await call().catch((error) => setFailure(failureOf(error)));
    found.reload();
  };
  const add = (event: Event) => {
    event.preventDefault();
    return guarded(async () => {
      const serviceAccount = { roles: [role] };
      const made = await users.createServiceAccount({
        serviceAccountId: id,
        serviceAccount,
        requestId: crypto.randomUUID(),
      });
      setSecret(made.clientSecret);
    });
  };
  const remove = () =>
    guarded(async () => {
      await users.deleteServiceAccount({ name: removed, requestId: crypto.randomUUID() });
      setRemoved("");
    });
  return (
    <>
      <FailurePanel failure={failure ?? found.failure} />
      <ul class="people">
        {found.value?.serviceAccounts.map(({ name, roles: held }) => (
          <li key={name}>
            <code>{name}</code>
            <span class="muted">{held.join(", ")}</span>
            <button type="button" aria-label={`Remove ${name}`} onClick={() => setRemoved(name)}>
              Remove
            </button>
          </li>
        ))}
      </ul>
      <form class="stack" onSubmit={(event) => void add(event)}>
        <h3>Add a program</h3>
        <div class="row end">
          <label class="field">
            Name: 3 to 64 of a–z, 0–9 and “-”
            <input
              required
              pattern="[a-z][a-z0-9\-]{2,63}"
              value={id}
              onInput={(event) => setId(event.currentTarget.value)}
            />
          </label>
          <label class="field">
            Role
            <select required value={role} onChange={(event) => setRole(event.currentTarget.value)}>
              <option value="">choose…</option>
              {roles.map(({ roleId }) => (
                <option key={roleId}>{roleId}</option>
              ))}
            </select>
          </label>
          <button type="submit">Add</button>
        </div>
      </form>
      {secret && (
        <Dialog title={`The secret of ${id}`} onClose={() => setSecret("")}>
          <p>It is shown this once. Keep it where the program finds it.</p>
          <p>
            <code>{secret}</code>
          </p>
        </Dialog>
      )}
      {removed && (
        <Dialog title={`Remove ${removed}?`} onClose={() => setRemoved("")}>
          <p>Tokens it was issued hold until they expire. Its secret works no more.</p>
          <div class="row">
            <button type="button" class="primary" onClick={() => void remove()}>
              Remove
            </button>
          </div>
        </Dialog>
      )}
    </>
  );
}
