"""Small pretrained networks that other packages ship, repacked for the app: VGG16, AlexNet with LPIPS, a face mesh."""
