// Package coco shows what is in a file of COCO JSON (cocodataset.org) to a validation.
//
// Words:
//
//   - A record is one object of the file's lists: an image, a category, an annotation. Its row is its
//     index in the list, from 0.
//   - A span is where the record of an annotation lies in the file.
//   - A picture is an image that the file lists or that an annotation names; its annotations are one layer.
//
// The file is read twice. The first time, images and categories are read, and of each annotation its span,
// its id and its picture, 28 bytes with its place among those of the picture; so annotations may come in any order and before the images. The
// second time, pictures are looked at in parallel, and each annotation is decoded and checked to its last
// byte. Masks are those of pycocotools: run lengths column by column, polygons by package annotate/exchange/coco.
//
// What can be read is looked at even where something else is broken.
package coco
