/** A knip reporter that says how many files knip looked at; its own reporters only name what they found. */

/** @param {import('knip').ReporterOptions} options */
export default function reportCount({ counters }) {
  console.log(`Checked ${counters.processed} files`);
}
