// A part of a title by what stands in two fields. Pure.
export const LEAST_S = 0.1;

export interface Part {
  from: number;
  to: number;
  fault: boolean; // it is no part: too short, or not within the title
}

export function partOf(start: string, end: string, whole: number): Part {
  const [from, to] = [Number(start), Number(end)];
  const fault = !(start && end && from >= 0 && to <= whole + LEAST_S && to - from >= LEAST_S);
  return { from, to, fault };
}
