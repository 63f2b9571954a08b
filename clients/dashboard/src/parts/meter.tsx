import { hundredths } from "../text/shares";

/** A share from 0 to 1 as a bar with its number: "81 %", "< 1 %". */
export function Meter({ share, label }: { share: number; label: string }) {
  const percent = share > 0 && share < 0.01 ? "< 1 %" : `${hundredths(share)} %`;
  return (
    <span class="meter" title={`${label}: ${share.toFixed(3)}`}>
      <svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
        <rect width="100" height="10" rx="5" />
        <rect width={Math.max(1, share * 100)} height="10" rx="5" />
      </svg>
      <span>
        <span class="unseen">{label} </span>
        {percent}
      </span>
    </span>
  );
}
