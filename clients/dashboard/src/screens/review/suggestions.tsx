import { Hint } from "../../parts/hint";
import { Meter } from "../../parts/meter";
import { devanagariOf } from "../../text/devanagari";
import type { Option } from "./options";

interface OptionsProps {
  options: readonly Option[];
  heard: string;
  chosen: number;
  choose: (index: number) => void;
}

/** What could stand there, best first, each with its reasons; one is chosen. */
export function Options({ options, heard, chosen, choose }: OptionsProps) {
  if (options.length === 0) return <p class="muted">Nothing is suggested for “{heard}”.</p>;
  return (
    <fieldset class="options">
      <legend class="unseen">What could stand there</legend>
      {options.map((option, index) => (
        <label key={`${index} ${option.text}`} class="option">
          <input type="radio" name="option" checked={index === chosen} onChange={() => choose(index)} />
          <Hint of={String(index + 1)} />
          <OptionText option={option} />
        </label>
      ))}
    </fieldset>
  );
}

/** The same to be read, with nothing to choose. */
export function OptionList({ options }: { options: readonly Option[] }) {
  return (
    <ol class="options plain-list">
      {options.map((option, index) => (
        <li key={`${index} ${option.text}`} class="option">
          <OptionText option={option} />
        </li>
      ))}
    </ol>
  );
}

function OptionText({ option }: { option: Option }) {
  return (
    <>
      <span class="words">
        <span class="term" lang="sa-Latn">
          {option.text}
        </span>{" "}
        <span class="devanagari" lang="sa-Deva">
          {option.devanagari || devanagariOf(option.term || option.text)}
        </span>{" "}
        {option.gloss && <span class="gloss">{option.gloss}</span>}
        <span class="reasons">{option.reasons.filter((reason) => reason !== option.gloss).join(" · ")}</span>
      </span>
      {option.probability !== null && <Meter share={option.probability} label="Probability" />}
    </>
  );
}
