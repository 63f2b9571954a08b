/** Hundredths of a share from 0 to 1, of the thousandths that the services keep: 0.8453 and 0.845 are both 85. */
export const hundredths = (share: number): number => Math.floor((Math.round(share * 1000) + 5) / 10);
