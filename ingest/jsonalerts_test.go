package ingest

import "testing"

// TestAlerts reads alerts as JSON, with the detection for which they were sent.
func TestAlerts(t *testing.T) {
	const end = `,"difference":true}`
	const rubinEnd = `,"telescope":"Rubin","zero_point":31.4,"magsys":"AB","difference":true}`
	for _, c := range []photometryCase{
		{name: "ZTF", text: `{"objectId": "ZTF20abcdefg", "candid": 1, "prv_candidates": [
			{"jd": 2459000.7, "fid": 2, "magpsf": null, "sigmapsf": null, "diffmaglim": 20.4},
			{"jd": 2459001.7, "fid": 1, "magpsf": 19.5, "sigmapsf": 0.1, "diffmaglim": 20.5}],
			"candidate": {"jd": 2459003.7, "fid": 1, "magpsf": 18.5, "sigmapsf": 0.05, "diffmaglim": 20.6, "drb": 0.9},
			"fp_hists": [{"jd": 2459001.7, "fid": 1, "forcediffimflux": 100.5, "forcediffimfluxunc": 10}],
			"cutoutScience": {"fileName": "a.fits"}}`,
			values: []string{`{"jd":2459000.7,"filter":"r","limit":20.4` + end,
				`{"jd":2459001.7,"filter":"g","magnitude":19.5,"error":0.1,"limit":20.5` + end,
				`{"jd":2459003.7,"filter":"g","magnitude":18.5,"error":0.05,"limit":20.6,"drb":0.9` + end},
			warnings: []string{"not read: 'fp_hists'", "difference fluxes"}},
		{name: "ZTF without a history", text: `{"candidate": {"jd": 2459003.7, "fid": 1, "magpsf": 18.5},
			"prv_candidates": null}`,
			values: []string{`{"jd":2459003.7,"filter":"g","magnitude":18.5` + end}, warnings: []string{"difference " +
				"fluxes"}},
		{name: "Rubin", text: `{"diaSourceId": 5, "observation_reason": "x", "diaSource": {"midpointMjdTai": 61003.2,
			"band": "r", "psfFlux": 10000, "psfFluxErr": 100, "snr": 99.5}, "prvDiaSources": [{"midpointMjdTai": ` +
			`61000.2,
			"band": "g", "psfFlux": 10000, "psfFluxErr": 100, "snr": 99.5}], "prvDiaForcedSources": ` +
			`[{"midpointMjdTai": 61000.2,
			"band": "g", "psfFlux": 1, "psfFluxErr": 100}], "diaObject": {"diaObjectId": 7}, "ssSource": null}`,
			values: []string{`{"midpointmjdtai":61003.2,"filter":"r","flux":10000,"flux_unit":"nJy","flux_error":100,` +
				`"snr":99.5,"magnitude":21.4,"error":0.010857` + rubinEnd,
				`{"midpointmjdtai":61000.2,"filter":"g","flux":10000,"flux_unit":"nJy","flux_error":100,"snr":99.5,` +
					`"magnitude":21.4,"error":0.010857` + rubinEnd},
			warnings: []string{"not read: 'prvDiaForcedSources'", "31.4", "difference images", "TAI", "2 magnitudes"}},
		{name: "another candidate", text: `{"candidate": {"name": "x"}, "points": [{"mjd": 58000.5, "mag": 15}]}`,
			values: []string{`{"mjd":58000.5,"magnitude":15}`}, warnings: []string{"not read: 'candidate'"}},
	} {
		t.Run(c.name, c.run)
	}
}
