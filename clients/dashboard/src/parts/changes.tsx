import { changes } from "../text/changes";

interface ChangesProps {
  from: string;
  to: string;
  unit?: "letter" | "word";
}

/** What goes, struck; what comes, underlined. */
export function Changes({ from, to, unit = "letter" }: ChangesProps) {
  return (
    <span class="text">
      {changes(from, to, unit).map(([kind, text], index) => {
        if (kind === "=") return text;
        return kind === "-" ? <del key={index}>{text}</del> : <ins key={index}>{text}</ins>;
      })}
    </span>
  );
}
