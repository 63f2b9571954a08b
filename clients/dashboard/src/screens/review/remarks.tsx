import { useCall } from "../../api/call";
import { clientOf } from "../../api/transport";
import { ReviewService } from "../../gen/shodhana/api/review/v1/review_pb";
import { useNames } from "../../parts/people";
import { ago } from "../../text/times";

const reviews = clientOf(ReviewService);

/** What others remarked on a case. */
export function Remarks({ name }: { name: string }) {
  const { value } = useCall((signal) => reviews.listComments({ parent: name, pageSize: 20 }, { signal }), [name]);
  const nameOf = useNames(value?.comments.map(({ author }) => author) ?? []);
  if (!value || value.comments.length === 0) return null;
  return (
    <section>
      <h3>Remarks</h3>
      <ul class="plain-list">
        {value.comments.map(({ name: id, author, text, createTime }) => (
          <li key={id}>
            {text}{" "}
            <small class="muted">{[nameOf(author), createTime && ago(createTime)].filter(Boolean).join(", ")}</small>
          </li>
        ))}
      </ul>
    </section>
  );
}
