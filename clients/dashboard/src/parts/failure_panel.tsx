import type { Failure } from "../api/failure";

/** What went wrong, field by field where the service said so, and the id that finds it in the logs. */
export function FailurePanel({ failure, retry }: { failure: Failure | null; retry?: () => void }) {
  if (!failure) return null;
  return (
    <div class="failure" role="alert">
      <strong>{failure.title}.</strong> {failure.message}
      {failure.violations.length > 0 && (
        <ul>
          {failure.violations.map(({ field, description }) => (
            <li key={field + description}>
              <code>{field}</code>: {description}
            </li>
          ))}
        </ul>
      )}
      {failure.retryAfterS !== null && <p>It can be tried again in {Math.ceil(failure.retryAfterS)} s.</p>}
      <footer>
        {retry && (
          <button type="button" onClick={retry}>
            Try again
          </button>
        )}
        {failure.requestId && (
          <small>
            Request <code>{failure.requestId}</code>
          </small>
        )}
      </footer>
    </div>
  );
}
