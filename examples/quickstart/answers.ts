/** What the methods answered, in a few words each: the last column of the table. */
import type { City, CountrySize, Extremes, Namesake } from './city-service.js';

export function showCities(cities: readonly City[]): string {
  const [first] = cities;
  return first === undefined ? 'no city' : `${cities.length} cities: ${first.name} (${first.country}), ...`;
}

export function showExtremes(extremes: Extremes | null): string {
  return extremes === null ? 'no city' : `${extremes.northernmost} to ${extremes.southernmost}`;
}

export function showNamesakes([first]: readonly Namesake[]): string {
  return first === undefined ? 'no city' : `${first.name}, in ${first.countries} countries`;
}

export function showLargest([first]: readonly CountrySize[]): string {
  return first === undefined ? 'no country' : `${first.country}, ${first.cities.toLocaleString('en')} cities`;
}
