/** The key that does the same; those who hear the page are told by aria-keyshortcuts. */
export function Hint({ of }: { of: string }) {
  return (
    <span class="hint" aria-hidden="true">
      <kbd>{of}</kbd>
    </span>
  );
}
