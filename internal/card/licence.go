package card

import (
	"regexp"
	"strings"
)

// hubLicences are the licences of data, and the common ones of software, among those that
// the Hugging Face hub knows; its name for each is the SPDX identifier in lower case.
var hubLicences = map[string]bool{
	"apache-2.0": true, "mit": true, "bsd-2-clause": true, "bsd-3-clause": true, "unlicense": true,
	"cc0-1.0": true, "cc-by-2.0": true, "cc-by-2.5": true, "cc-by-3.0": true, "cc-by-4.0": true,
	"cc-by-sa-3.0": true, "cc-by-sa-4.0": true, "cc-by-nd-4.0": true,
	"cc-by-nc-2.0": true, "cc-by-nc-3.0": true, "cc-by-nc-4.0": true,
	"cc-by-nc-nd-3.0": true, "cc-by-nc-nd-4.0": true,
	"cc-by-nc-sa-2.0": true, "cc-by-nc-sa-3.0": true, "cc-by-nc-sa-4.0": true,
	"cdla-sharing-1.0": true, "cdla-permissive-1.0": true, "cdla-permissive-2.0": true,
}

// hubNames are those that the hub calls otherwise than SPDX does.
var hubNames = map[string]string{
	"odbl-1.0": "odbl", "odc-by-1.0": "odc-by", "pddl-1.0": "pddl",
	"gpl-3.0-only": "gpl-3.0", "gpl-3.0-or-later": "gpl-3.0",
}

// hubLicence is the hub's name of an SPDX identifier: "other" for one it does not know.
func hubLicence(spdx string) string {
	name := strings.ToLower(spdx)
	switch {
	case name == "":
		return "unknown"
	case hubLicences[name]:
		return name
	case hubNames[name] != "":
		return hubNames[name]
	}
	return "other"
}

// spdxIdentifier is a single licence of the SPDX list, as opposed to an expression or to a
// reference to a licence that is not on the list.
var spdxIdentifier = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]*$`)

// licenceURL is the page of an SPDX identifier, empty if it is none.
func licenceURL(spdx string) string {
	if !spdxIdentifier.MatchString(spdx) || strings.HasPrefix(spdx, "LicenseRef-") {
		return ""
	}
	return "https://spdx.org/licenses/" + spdx
}
