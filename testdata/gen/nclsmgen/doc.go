// Package nclsmgen writes made-up releases of NCL-SM, the Newcastle Skeletal Muscle data set,
// in its layout and of any size:
//
//	IF/Images/S11.tiff                        RGB uint8: membrane, mitochondrial mass, 0
//	IF/Mask_All_Myofibres/S11.tiff            uint16, a value for every myofibre
//	IF/Mask_All_AM/S11.tiff                   the same, analysable myofibres only
//	IF/Mask_AM_vs_NAM/S11.tiff                uint8: 1 analysable, 2 not
//	IF/Mask_Non_Transverse_Myofibres/S11.tiff uint8: 255
//	IF/Mask_Freezing_Artefact_Myofibres/...   uint8: 255
//	IF/Mask_Folded_Regions/...                uint8: 255
//	IF/Mask_QA/...                            uint32: another annotator's drawing of some fibres
//	IF/Greyscale_Images/...                   uint8, the membrane alone
//	IMC/...                                   the same
//	clinical_info.csv                         a row for every section
//
// Of the folders' names Mask_All_AM, Mask_AM_vs_NAM and Mask_QA are those of the release,
// which has nine folders a technique; the others are likely ones. The files have the
// quirks of the published masks: one strip for all of a deflated mask, one row a strip with
// LZW, OME-XML with a channel that does not exist and no physical size, a resolution of
// 4294967295/0.
//
// Everything is integer arithmetic on hashes of the seed: the same options give the same
// bytes on every machine. An image is made row by row and never held.
package nclsmgen
