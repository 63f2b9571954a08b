import { useState } from "preact/hooks";
import { useCall } from "../../api/call";
import { clientOf } from "../../api/transport";
import { IdentityService, type Role } from "../../gen/shodhana/api/identity/v1/identity_pb";
import { FailurePanel } from "../../parts/failure_panel";
import { Accounts } from "./accounts";
import { NewUser } from "./new_user";
import { Users } from "./users";

const identity = clientOf(IdentityService);

/** Who may do what: people, programs, and what each role allows. */
export default function AdministrationScreen() {
  const roles = useCall((signal) => identity.listRoles({ pageSize: 100 }, { signal }), []);
  const [round, setRound] = useState(0);
  const known = roles.value?.roles ?? [];
  const ofPeople = known.filter(({ roleId }) => !roleId.startsWith("service_"));
  return (
    <div class="stack administration">
      <FailurePanel failure={roles.failure} retry={roles.reload} />
      <section class="card stack">
        <h2>People</h2>
        <p class="muted">
          What you change holds with the next call of a browser; a tool's token holds five minutes more.
        </p>
        <Users roles={ofPeople} round={round} />
        <NewUser roles={ofPeople} onAdded={() => setRound(round + 1)} />
      </section>
      <section class="card stack">
        <h2>Programs</h2>
        <Accounts roles={known} />
      </section>
      <section class="card stack">
        <h2>Roles</h2>
        <Roles roles={known} />
      </section>
    </div>
  );
}

function Roles({ roles }: { roles: readonly Role[] }) {
  return (
    <dl class="roles">
      {roles.map(({ roleId, description, permissions }) => (
        <div key={roleId}>
          <dt>{roleId}</dt>
          <dd>
            {description}
            <br />
            <small class="muted">{permissions.join(" · ")}</small>
          </dd>
        </div>
      ))}
    </dl>
  );
}
